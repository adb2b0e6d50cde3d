# Alarms of each function and of the whole, and a dashboard.

module "alarms" {
  source   = "./modules/alarms"
  for_each = local.wiring.functions

  name   = "${var.name}-${each.key}"
  labels = local.labels
  topics = var.alarms.topics
  queue = !contains(keys(local.heard), each.key) ? null : {
    name = module.queue[each.key].name
    dead = module.queue[each.key].dead
  }
  thresholds = {
    age    = lookup(var.alarms.ages, each.key, var.alarms.age)
    errors = var.alarms.errors
  }
}

resource "aws_cloudwatch_metric_alarm" "freshness" {
  count = var.alarms.freshness_hours > 0 ? 1 : 0

  alarm_name          = "${var.name}-freshness"
  alarm_description   = "Nobody has dropped anything for ${var.alarms.freshness_hours} hours."
  namespace           = "AWS/SNS"
  metric_name         = "NumberOfMessagesPublished"
  statistic           = "Sum"
  dimensions          = { TopicName = "${var.name}-drops" }
  period              = 3600
  evaluation_periods  = var.alarms.freshness_hours
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  treat_missing_data  = "breaching"
  alarm_actions       = var.alarms.topics
  ok_actions          = var.alarms.topics
  tags                = local.labels
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = var.name

  dashboard_body = jsonencode({ widgets = [for i, w in [
    {
      title   = "Messages that wait"
      metrics = [for name in keys(local.heard) : ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", "${var.name}-${name}"]]
    },
    {
      title   = "Age of the oldest, seconds"
      metrics = [for name in keys(local.heard) : ["AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", "${var.name}-${name}"]]
    },
    {
      title   = "Given up"
      metrics = [for name in keys(local.heard) : ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", "${var.name}-${name}-dead"]]
    },
    {
      title   = "Errors"
      metrics = [for name in keys(local.wiring.functions) : ["AWS/Lambda", "Errors", "FunctionName", "${var.name}-${name}"]]
    },
    {
      title   = "Duration, milliseconds"
      metrics = [for name in keys(local.wiring.functions) : ["AWS/Lambda", "Duration", "FunctionName", "${var.name}-${name}"]]
    },
    {
      title   = "At work at once"
      metrics = [for name in keys(local.wiring.functions) : ["AWS/Lambda", "ConcurrentExecutions", "FunctionName", "${var.name}-${name}"]]
    },
    ] : {
    type   = "metric"
    x      = 12 * (i % 2)
    y      = 6 * floor(i / 2)
    width  = 12
    height = 6
    properties = {
      title   = w.title
      region  = var.region
      view    = "timeSeries"
      stat    = startswith(w.title, "Errors") ? "Sum" : "Maximum"
      period  = 300
      metrics = w.metrics
    }
  }] })
}
