# A queue with a dead-letter queue, subscribed to topics. Messages are kept as
# they were published, without an envelope of SNS.

locals {
  visibility = 6 * var.timeout
  fortnight  = 14 * 24 * 60 * 60 # the longest that SQS keeps a message
}

resource "aws_sqs_queue" "dead" {
  name                      = "${var.name}-dead"
  message_retention_seconds = local.fortnight
  kms_master_key_id         = var.encryption.kms ? var.encryption.key : null
  sqs_managed_sse_enabled   = var.encryption.kms ? null : true
  tags                      = var.labels
}

resource "aws_sqs_queue" "this" {
  name                       = var.name
  visibility_timeout_seconds = local.visibility
  message_retention_seconds  = local.fortnight
  receive_wait_time_seconds  = 20
  kms_master_key_id          = var.encryption.kms ? var.encryption.key : null
  sqs_managed_sse_enabled    = var.encryption.kms ? null : true
  tags                       = var.labels

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead.arn
    maxReceiveCount     = var.receives
  })
}

resource "aws_sqs_queue_redrive_allow_policy" "dead" {
  queue_url = aws_sqs_queue.dead.id

  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [var.arn]
  })
}

resource "aws_sqs_queue_policy" "this" {
  queue_url = aws_sqs_queue.this.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "Topics"
        Effect    = "Allow"
        Principal = { Service = "sns.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = var.arn
        Condition = { ArnEquals = { "aws:SourceArn" = sort(values(var.topics)) } }
      },
      {
        Sid       = "TLSOnly"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:*"
        Resource  = var.arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })
}

resource "aws_sns_topic_subscription" "this" {
  for_each = var.topics

  topic_arn            = each.value
  protocol             = "sqs"
  endpoint             = aws_sqs_queue.this.arn
  raw_message_delivery = true

  depends_on = [aws_sqs_queue_policy.this]
}
