output "name" {
  description = "Name of the bucket."
  value       = aws_s3_bucket.this.bucket
}

output "id" {
  description = "The bucket, known once it is there."
  value       = aws_s3_bucket.this.id
}

output "arn" {
  description = "ARN of the bucket."
  value       = local.arn
}

output "policy" {
  description = "Policy of the bucket, as JSON."
  value       = aws_s3_bucket_policy.this.policy
}

output "retention" {
  description = "Days by prefix, as the lifecycle has them."
  value       = { for r in aws_s3_bucket_lifecycle_configuration.this.rule : r.filter[0].prefix => r.expiration[0].days if length(r.expiration) > 0 }
}

output "lock" {
  description = "Object Lock of new objects: mode and days; 0 days: none."
  value       = { mode = var.lock.days > 0 ? var.lock.mode : "", days = var.lock.days }
}

output "versioned" {
  description = "Replaced objects are kept as older versions."
  value       = aws_s3_bucket_versioning.this.versioning_configuration[0].status == "Enabled"
}
