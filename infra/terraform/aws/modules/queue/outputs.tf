output "name" {
  description = "Name of the queue."
  value       = aws_sqs_queue.this.name
}

output "dead" {
  description = "Name of the dead-letter queue."
  value       = aws_sqs_queue.dead.name
}

output "arn" {
  description = "ARN of the queue, known once it is there."
  value       = aws_sqs_queue.this.arn
}

output "policy" {
  description = "Policy of the queue, as JSON."
  value       = aws_sqs_queue_policy.this.policy
}

output "seconds" {
  description = "How long a message is tried at least before it is given up."
  value       = local.visibility * var.receives
}
