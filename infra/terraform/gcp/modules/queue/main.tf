# A subscription to each of some topics, which pushes to a function and shows it a
# token. What is given up goes to a topic of dead letters, where it waits for people.

locals {
  fortnight = 14 * 24 * 60 * 60
  backoff   = { first = 10, last = 600 } # seconds; 600 is the most that Pub/Sub waits

  # How long a message is tried at least: each pause is twice the last.
  tried = var.receives == 0 ? local.fortnight : sum([for i in range(var.receives - 1) : min(local.backoff.last, local.backoff.first * pow(2, min(i, 10)))])
}

resource "google_pubsub_topic" "dead" {
  project      = var.project
  name         = "${var.name}-dead"
  kms_key_name = var.encryption.key
  labels       = var.labels

  message_storage_policy {
    allowed_persistence_regions = [var.region]
  }
}

resource "google_pubsub_topic_iam_policy" "dead" {
  project     = var.project
  topic       = google_pubsub_topic.dead.name
  policy_data = jsonencode({ bindings = [{ role = "roles/pubsub.publisher", members = [var.agent] }] })
}

resource "google_pubsub_subscription" "dead" {
  project                    = var.project
  name                       = "${var.name}-dead"
  topic                      = google_pubsub_topic.dead.id
  message_retention_duration = "2678400s" # the longest that Pub/Sub keeps a message
  labels                     = var.labels

  expiration_policy {
    ttl = "" # never
  }
}

resource "google_pubsub_subscription" "this" {
  for_each = var.topics

  project                    = var.project
  name                       = "${var.name}-on-${each.key}"
  topic                      = each.value.id
  ack_deadline_seconds       = var.timeout
  message_retention_duration = "${local.fortnight}s"
  labels                     = var.labels

  push_config {
    push_endpoint = "${var.endpoint}${each.value.path}"

    oidc_token {
      service_account_email = var.identity
      audience              = var.endpoint
    }
  }

  retry_policy {
    minimum_backoff = "${local.backoff.first}s"
    maximum_backoff = "${local.backoff.last}s"
  }

  dynamic "dead_letter_policy" {
    for_each = var.receives > 0 ? [var.receives] : []

    content {
      dead_letter_topic     = google_pubsub_topic.dead.id
      max_delivery_attempts = dead_letter_policy.value
    }
  }

  expiration_policy {
    ttl = "" # never
  }
}

# Who gives a message up must take it from the subscription.
resource "google_pubsub_subscription_iam_policy" "this" {
  for_each = google_pubsub_subscription.this

  project      = var.project
  subscription = each.value.name
  policy_data  = jsonencode({ bindings = [{ role = "roles/pubsub.subscriber", members = [var.agent] }] })
}
