output "role" {
  description = "Name of the partner's role."
  value       = aws_iam_role.this.name
}

output "trust" {
  description = "Who may take the role, as JSON."
  value       = aws_iam_role.this.assume_role_policy
}

output "policy" {
  description = "What the partner may do, as JSON."
  value       = aws_iam_role_policy.this.policy
}
