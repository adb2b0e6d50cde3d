# What can go wrong with one function and its queue.

locals {
  alarms = { for what, a in {
    dead = {
      says      = "The dead-letter queue is not empty: messages were given up."
      namespace = "AWS/SQS", metric = "ApproximateNumberOfMessagesVisible", statistic = "Maximum"
      of        = { QueueName = try(var.queue.dead, "") }
      periods   = 1, above = 0
    }
    age = {
      says      = "The oldest message waits for too long."
      namespace = "AWS/SQS", metric = "ApproximateAgeOfOldestMessage", statistic = "Maximum"
      of        = { QueueName = try(var.queue.name, "") }
      periods   = 2, above = var.thresholds.age
    }
    errors = {
      says      = "Invocations end with errors."
      namespace = "AWS/Lambda", metric = "Errors", statistic = "Sum"
      of        = { FunctionName = var.name }
      periods   = 1, above = var.thresholds.errors - 1
    }
    throttles = {
      says      = "Lambda does not start the function often enough: concurrency is too low, or the account's is used up."
      namespace = "AWS/Lambda", metric = "Throttles", statistic = "Sum"
      of        = { FunctionName = var.name }
      periods   = 3, above = 0
    }
  } : what => a if var.queue != null || a.namespace != "AWS/SQS" }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.says
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  statistic           = each.value.statistic
  dimensions          = each.value.of
  period              = 300
  evaluation_periods  = each.value.periods
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.above
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.topics
  ok_actions          = var.topics
  tags                = var.labels
}
