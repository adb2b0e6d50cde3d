# The topics of the wiring and those of functions that publish, and a queue for
# each function that hears any. Order matters to none of them, so that none is FIFO.

locals {
  topics = sort(concat(keys(local.wiring.topics), [for name, f in local.wiring.functions : name if try(f.publishes, false)]))
  heard  = { for name, f in local.wiring.functions : name => f if length(f.hears) > 0 }
}

resource "aws_sns_topic" "this" {
  for_each = toset(local.topics)

  name              = "${var.name}-${each.key}"
  kms_master_key_id = local.managed ? local.encryption["queues"].key : null
  tags              = local.labels
}

resource "aws_sns_topic_policy" "drops" {
  arn = aws_sns_topic.this["drops"].arn

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Notifications"
      Effect    = "Allow"
      Principal = { Service = "s3.amazonaws.com" }
      Action    = "sns:Publish"
      Resource  = local.topic_arns["drops"]
      Condition = {
        ArnEquals    = { "aws:SourceArn" = local.bucket_arns["drops"] }
        StringEquals = { "aws:SourceAccount" = local.account }
      }
    }]
  })
}

module "queue" {
  source   = "./modules/queue"
  for_each = local.heard

  name       = "${var.name}-${each.key}"
  labels     = local.labels
  arn        = local.queue_arns[each.key]
  topics     = { for t in each.value.hears : t => local.topic_arns[t] }
  timeout    = local.sizes[each.key].timeout
  receives   = local.sizes[each.key].receives
  encryption = local.encryption["queues"]

  depends_on = [aws_sns_topic.this]
}
