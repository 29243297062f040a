"""`python -m workbench.worker`: the child's side."""

from workbench.worker.child import main

main()
