# Alarms of each function and of the whole, and a dashboard.

module "alarms" {
  source   = "./modules/alarms"
  for_each = local.wiring.functions

  name     = "${var.name}-${each.key}"
  project  = var.project
  labels   = local.labels
  channels = var.alarms.channels
  queue    = contains(keys(local.heard), each.key)
  thresholds = {
    age    = lookup(var.alarms.ages, each.key, var.alarms.age)
    errors = var.alarms.errors
  }

  depends_on = [google_project_service.this]
}

# Those of partners' own topics, all at once: an incident says which it is.
resource "google_monitoring_alert_policy" "partners" {
  for_each = { for what, a in {
    dead = { says = "Events of a partner were given up.", metric = "num_undelivered_messages", of = "dead", above = 0 }
    age  = { says = "The oldest event of a partner waits for too long.", metric = "oldest_unacked_message_age", of = "on-events", above = lookup(var.alarms.ages, "ingest", var.alarms.age) }
  } : what => a if length(local.event_topics) > 0 }

  project               = var.project
  display_name          = "${var.name}-partners-${each.key}"
  combiner              = "OR"
  notification_channels = var.alarms.channels
  user_labels           = local.labels

  documentation {
    content = each.value.says
  }

  conditions {
    display_name = each.key

    condition_threshold {
      filter          = "resource.type = \"pubsub_subscription\" AND resource.labels.subscription_id = monitoring.regex.full_match(\"${var.name}-partner-.*-${each.value.of}\") AND metric.type = \"pubsub.googleapis.com/subscription/${each.value.metric}\""
      comparison      = "COMPARISON_GT"
      threshold_value = each.value.above
      duration        = "0s"

      aggregations {
        alignment_period   = "300s"
        per_series_aligner = "ALIGN_MAX"
      }
    }
  }

  depends_on = [google_project_service.this]
}

resource "google_monitoring_alert_policy" "freshness" {
  count = var.alarms.freshness_hours > 0 ? 1 : 0

  project               = var.project
  display_name          = "${var.name}-freshness"
  combiner              = "OR"
  notification_channels = var.alarms.channels
  user_labels           = local.labels

  documentation {
    content = "Nobody has dropped anything for ${var.alarms.freshness_hours} hours."
  }

  conditions {
    display_name = "no drop"

    condition_absent {
      filter   = "resource.type = \"pubsub_topic\" AND resource.labels.topic_id = monitoring.regex.full_match(\"${var.name}-(drops|partner-.*-[0-9]+)\") AND metric.type = \"pubsub.googleapis.com/topic/send_message_operation_count\""
      duration = "${3600 * var.alarms.freshness_hours}s"

      aggregations {
        alignment_period     = "300s"
        per_series_aligner   = "ALIGN_DELTA"
        cross_series_reducer = "REDUCE_SUM" # a topic that rests is none that all rest
      }
    }
  }

  depends_on = [google_project_service.this]
}

resource "google_monitoring_dashboard" "this" {
  project = var.project

  dashboard_json = jsonencode({
    displayName = var.name
    mosaicLayout = {
      columns = 12
      tiles = [for i, w in [
        { title = "Messages that wait", resource = "pubsub_subscription", label = "subscription_id", metric = "pubsub.googleapis.com/subscription/num_undelivered_messages", aligner = "ALIGN_MAX" },
        { title = "Age of the oldest, seconds", resource = "pubsub_subscription", label = "subscription_id", metric = "pubsub.googleapis.com/subscription/oldest_unacked_message_age", aligner = "ALIGN_MAX" },
        { title = "Given up", resource = "pubsub_subscription", label = "subscription_id", metric = "pubsub.googleapis.com/subscription/dead_letter_message_count", aligner = "ALIGN_DELTA" },
        { title = "Answers", resource = "cloud_run_revision", label = "service_name", metric = "run.googleapis.com/request_count", aligner = "ALIGN_DELTA" },
        { title = "Duration, milliseconds", resource = "cloud_run_revision", label = "service_name", metric = "run.googleapis.com/request_latencies", aligner = "ALIGN_PERCENTILE_99" },
        { title = "Instances", resource = "cloud_run_revision", label = "service_name", metric = "run.googleapis.com/container/instance_count", aligner = "ALIGN_MAX" },
        ] : {
        xPos   = 6 * (i % 2)
        yPos   = 4 * floor(i / 2)
        width  = 6
        height = 4
        widget = {
          title = w.title
          xyChart = { dataSets = [{ plotType = "LINE", timeSeriesQuery = { timeSeriesFilter = {
            filter      = "resource.type = \"${w.resource}\" AND resource.labels.${w.label} = starts_with(\"${var.name}-\") AND metric.type = \"${w.metric}\""
            aggregation = { alignmentPeriod = "300s", perSeriesAligner = w.aligner }
          } } }] }
        }
      }]
    }
  })

  depends_on = [google_project_service.this]
}
