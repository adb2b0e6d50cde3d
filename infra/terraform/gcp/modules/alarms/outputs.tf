output "names" {
  description = "Names of the alarms."
  value       = { for k, a in google_monitoring_alert_policy.this : k => a.display_name }
}
