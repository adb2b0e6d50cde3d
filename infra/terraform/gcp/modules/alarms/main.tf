# What can go wrong with one function and its queues.

locals {
  alarms = { for what, a in {
    dead = {
      says   = "The subscription of dead letters is not empty: messages were given up."
      filter = "resource.type = \"pubsub_subscription\" AND resource.labels.subscription_id = \"${var.name}-dead\" AND metric.type = \"pubsub.googleapis.com/subscription/num_undelivered_messages\""
      align  = "ALIGN_MAX", above = 0, queue = true
    }
    age = {
      says   = "The oldest message waits for too long."
      filter = "resource.type = \"pubsub_subscription\" AND resource.labels.subscription_id = starts_with(\"${var.name}-on-\") AND metric.type = \"pubsub.googleapis.com/subscription/oldest_unacked_message_age\""
      align  = "ALIGN_MAX", above = var.thresholds.age, queue = true
    }
    errors = {
      says   = "Requests end with errors: messages come again."
      filter = "resource.type = \"cloud_run_revision\" AND resource.labels.service_name = \"${var.name}\" AND metric.type = \"run.googleapis.com/request_count\" AND metric.labels.response_code_class = \"5xx\""
      align  = "ALIGN_DELTA", above = var.thresholds.errors - 1, queue = false
    }
    throttles = {
      says   = "Cloud Run has no instance for requests: instances or concurrency are too low."
      filter = "resource.type = \"cloud_run_revision\" AND resource.labels.service_name = \"${var.name}\" AND metric.type = \"run.googleapis.com/request_count\" AND metric.labels.response_code = \"429\""
      align  = "ALIGN_DELTA", above = 0, queue = false
    }
  } : what => a if var.queue || !a.queue }
}

resource "google_monitoring_alert_policy" "this" {
  for_each = local.alarms

  project               = var.project
  display_name          = "${var.name}-${each.key}"
  combiner              = "OR"
  notification_channels = var.channels
  user_labels           = var.labels

  documentation {
    content = each.value.says
  }

  conditions {
    display_name = each.key

    condition_threshold {
      filter          = each.value.filter
      comparison      = "COMPARISON_GT"
      threshold_value = each.value.above
      duration        = "0s"

      aggregations {
        alignment_period   = "300s"
        per_series_aligner = each.value.align
      }
    }
  }
}
