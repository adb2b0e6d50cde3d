output "name" {
  description = "Name of the bucket."
  value       = google_storage_bucket.this.name
}

output "policy" {
  description = "Policy of the bucket, as JSON."
  value       = google_storage_bucket_iam_policy.this.policy_data
}

output "retention" {
  description = "Days by prefix, as the lifecycle has them."
  value       = merge([for r in local.rules : { for prefix in coalescelist(r.prefixes == null ? [] : r.prefixes, [""]) : prefix => r.days }]...)
}

output "lock" {
  description = "For how many days no object may be deleted or replaced (0: none), and whether that is for good."
  value       = var.lock
}

output "protected" {
  description = "Whether the bucket is not deleted while anything is in it."
  value       = !google_storage_bucket.this.force_destroy
}

output "versioned" {
  description = "Replaced objects are kept as older versions."
  value       = google_storage_bucket.this.versioning[0].enabled
}
