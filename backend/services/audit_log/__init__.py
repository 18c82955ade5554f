"""The audit log: the audit trail as admins and auditors read it, sealed, erased from and pruned."""
