output "name" {
  description = "Name of the service."
  value       = google_cloud_run_v2_service.this.name
}

output "uri" {
  description = "URL of the service, known once it is there."
  value       = google_cloud_run_v2_service.this.uri
}

output "policy" {
  description = "Who may invoke the function, as JSON."
  value       = google_cloud_run_v2_service_iam_policy.this.policy_data
}

output "environment" {
  description = "Names of the environment variables of the function."
  value       = sort([for e in google_cloud_run_v2_service.this.template[0].containers[0].env : e.name])
}

output "protected" {
  description = "Whether the service cannot be deleted."
  value       = google_cloud_run_v2_service.this.deletion_protection
}

output "open" {
  description = "Whether anybody may ask."
  value       = google_cloud_run_v2_service.this.invoker_iam_disabled
}

output "subnetwork" {
  description = "The subnetwork that requests of the function go through; \"\": Google's own way."
  value       = try(google_cloud_run_v2_service.this.template[0].vpc_access[0].network_interfaces[0].subnetwork, "")
}
