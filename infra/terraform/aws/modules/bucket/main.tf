# A private bucket: versioned, TLS only, encrypted, with a policy that denies
# what the doors do not open.

locals {
  arn     = "arn:${var.partition}:s3:::${var.name}"
  objects = "${local.arn}/*"

  policy = {
    Version = "2012-10-17"
    Statement = concat(
      [{
        Sid       = "TLSOnly"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = [local.arn, local.objects]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      }],
      [for action, roles in var.denied : {
        Sid       = "Deny${replace(action, "s3:", "")}"
        Effect    = "Deny"
        Principal = "*"
        Action    = action
        Resource  = local.objects
        Condition = { ArnEquals = { "aws:PrincipalArn" = sort(roles) } }
      } if length(roles) > 0],
      [for s in [{
        Sid       = "AppendOnly"
        Effect    = "Deny"
        Principal = "*"
        Action    = ["s3:BypassGovernanceRetention", "s3:DeleteObject", "s3:DeleteObjectVersion"]
        Resource  = local.objects
      }] : s if var.append_only],
      [for s in [{
        Sid       = "KeepBucket"
        Effect    = "Deny"
        Principal = "*"
        Action    = ["s3:DeleteBucket"]
        Resource  = local.arn
      }] : s if var.deletion_protection],
    )
  }
}

resource "aws_s3_bucket" "this" {
  bucket              = var.name
  force_destroy       = !var.deletion_protection
  object_lock_enabled = var.lock.days > 0
  tags                = var.labels
}

resource "aws_s3_bucket_public_access_block" "this" {
  bucket                  = aws_s3_bucket.this.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_versioning" "this" {
  bucket = aws_s3_bucket.this.id

  versioning_configuration {
    status = var.versioned ? "Enabled" : "Disabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    bucket_key_enabled = var.encryption.kms

    apply_server_side_encryption_by_default {
      sse_algorithm     = var.encryption.kms ? "aws:kms" : "AES256"
      kms_master_key_id = var.encryption.kms ? var.encryption.key : null
    }
  }
}

resource "aws_s3_bucket_policy" "this" {
  bucket = aws_s3_bucket.this.id
  policy = jsonencode(local.policy)

  depends_on = [aws_s3_bucket_public_access_block.this]
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    id     = "unfinished-uploads"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  dynamic "rule" {
    for_each = var.append_only || !var.versioned ? [] : [true]

    content {
      id     = "older-versions"
      status = "Enabled"

      filter {}

      noncurrent_version_expiration {
        noncurrent_days = var.noncurrent_days
      }
    }
  }

  dynamic "rule" {
    for_each = var.append_only ? {} : var.retention

    content {
      id     = rule.key == "" ? "retention" : "retention-${sha1(rule.key)}"
      status = "Enabled"

      filter {
        prefix = rule.key
      }

      expiration {
        days = rule.value
      }
    }
  }

  depends_on = [aws_s3_bucket_versioning.this]
}

resource "aws_s3_bucket_object_lock_configuration" "this" {
  count = var.lock.days > 0 ? 1 : 0

  bucket = aws_s3_bucket.this.id

  rule {
    default_retention {
      mode = var.lock.mode
      days = var.lock.days
    }
  }

  depends_on = [aws_s3_bucket_versioning.this]
}
