output "members" {
  description = "Who the partner is: members of IAM."
  value       = local.members
}

output "policies" {
  description = "What the partner may do in its folders and topics, as JSON by what they are."
  value = merge(
    { for what, p in google_storage_managed_folder_iam_policy.this : what => p.policy_data },
    { for topic, p in google_pubsub_topic_iam_policy.this : topic => p.policy_data },
  )
}

output "provider" {
  description = "The provider at which the partner exchanges its tokens; \"\": none."
  value       = var.workload == null ? "" : "${var.workload.pool}/providers/${google_iam_workload_identity_pool_provider.this[0].workload_identity_pool_provider_id}"
}

output "condition" {
  description = "Which tokens of the partner's issuer are taken; \"\": there is none."
  value       = var.workload == null ? "" : google_iam_workload_identity_pool_provider.this[0].attribute_condition
}

output "folders" {
  description = "The partner's folders, by what they are."
  value       = { for what, f in google_storage_managed_folder.this : what => f.name }
}
