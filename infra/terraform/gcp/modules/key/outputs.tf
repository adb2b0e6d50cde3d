output "id" {
  description = "Name of the key, known once it is there."
  value       = google_kms_crypto_key.this.id
}

output "policy" {
  description = "Policy of the key, as JSON."
  value       = google_kms_crypto_key_iam_policy.this.policy_data
}
