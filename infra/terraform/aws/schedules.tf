# Time is an event, too: ticks by rules of EventBridge, as the host of functions
# knows them.

resource "aws_cloudwatch_event_rule" "tick" {
  for_each = var.ticks

  name                = "${var.name}-${each.key}-tick"
  description         = "Tick of ${each.key}"
  schedule_expression = each.value
  tags                = local.labels
}

resource "aws_cloudwatch_event_target" "tick" {
  for_each = var.ticks

  rule = aws_cloudwatch_event_rule.tick[each.key].name
  arn  = module.function[each.key].arn
}

resource "aws_lambda_permission" "tick" {
  for_each = var.ticks

  statement_id  = "tick"
  action        = "lambda:InvokeFunction"
  function_name = module.function[each.key].name
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.tick[each.key].arn
}
