"""What deploys: compositions, certificates, and the stack without containers."""
