output "name" {
  description = "Name of the function."
  value       = aws_lambda_function.this.function_name
}

output "arn" {
  description = "ARN of the function, known once it is there."
  value       = aws_lambda_function.this.arn
}

output "invoke_arn" {
  description = "ARN by which an API invokes the function, known once it is there."
  value       = aws_lambda_function.this.invoke_arn
}

output "role" {
  description = "Name of the function's role."
  value       = aws_iam_role.this.name
}

output "policy" {
  description = "What the function may do, as JSON."
  value       = aws_iam_role_policy.this.policy
}

output "environment" {
  description = "Environment variables of the function."
  value       = aws_lambda_function.this.environment[0].variables
}
