output "names" {
  description = "Names of the alarms."
  value       = { for k, a in aws_cloudwatch_metric_alarm.this : k => a.alarm_name }
}
