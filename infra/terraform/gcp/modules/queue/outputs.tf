output "names" {
  description = "Names of the subscriptions, by topic."
  value       = { for t, s in google_pubsub_subscription.this : t => s.name }
}

output "dead" {
  description = "Name of the topic of dead letters, and of the subscription that keeps them."
  value       = google_pubsub_topic.dead.name
}

output "seconds" {
  description = "How long a message is tried at least before it is given up."
  value       = local.tried
}
