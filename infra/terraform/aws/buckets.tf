# The buckets of the wiring.

locals {
  # What is not named is kept for good.
  bucket_retention = merge({ for b in keys(local.wiring.buckets) : b => {} }, module.exchange.retention)
}

module "bucket" {
  source   = "./modules/bucket"
  for_each = local.wiring.buckets

  name                = "${var.name}-${each.key}"
  labels              = local.labels
  partition           = local.partition
  encryption          = local.encryption[each.key]
  deletion_protection = var.deletion_protection
  retention           = local.bucket_retention[each.key]
  noncurrent_days     = var.retention.noncurrent
  versioned           = each.key != "subjects" # sallyport erase overwrites a key to destroy it
  append_only         = each.key == "ledger"
  lock                = each.key == "ledger" ? { mode = var.ledger.lock_mode, days = var.ledger.lock_days } : { mode = "GOVERNANCE", days = 0 }

  denied = {
    "s3:GetObject" = local.denied[each.key].read
    "s3:PutObject" = local.denied[each.key].create
  }
}

resource "aws_s3_bucket_notification" "drops" {
  bucket = module.bucket["drops"].id

  topic {
    topic_arn = aws_sns_topic.this["drops"].arn
    events    = ["s3:ObjectCreated:*"]
  }

  depends_on = [aws_sns_topic_policy.drops]
}
