# The role of one partner: it drops below its prefix and reads its own refusals,
# and nothing else. It cannot list or read what it dropped, or delete anything.

locals {
  full = "${var.name}-partner-${var.id}"
  role = length(local.full) <= 64 ? local.full : "${substr(local.full, 0, 55)}-${substr(sha1(local.full), 0, 8)}"

  keys = concat(
    [for k in [{ actions = ["kms:Decrypt", "kms:GenerateDataKey"], arn = var.drops.key }] : k if var.drops.kms],
    [for k in [{ actions = ["kms:Decrypt"], arn = var.quarantine.key }] : k if var.quarantine.kms],
  )

  statements = concat(
    [
      {
        Sid      = "Drop"
        Effect   = "Allow"
        Action   = ["s3:AbortMultipartUpload", "s3:PutObject"]
        Resource = "${var.drops.arn}/${var.id}/*"
      },
      {
        Sid      = "ReadRefusals"
        Effect   = "Allow"
        Action   = ["s3:GetObject"]
        Resource = "${var.quarantine.arn}/${var.id}/*"
      },
      {
        Sid       = "ListRefusals"
        Effect    = "Allow"
        Action    = ["s3:ListBucket"]
        Resource  = var.quarantine.arn
        Condition = { StringLike = { "s3:prefix" = ["${var.id}/*"] } }
      },
    ],
    [for i, k in local.keys : {
      Sid       = "Key${i}"
      Effect    = "Allow"
      Action    = k.actions
      Resource  = k.arn
      Condition = { StringEquals = { "kms:ViaService" = var.via } }
    }],
    [for s in [{
      Sid      = "PostEvents"
      Effect   = "Allow"
      Action   = ["execute-api:Invoke"]
      Resource = "${var.api.arn}/POST/partners/${var.id}/*"
    }] : s if var.api.enabled],
  )
}

resource "aws_iam_role" "this" {
  name        = local.role
  description = "Partner ${var.id}"
  tags        = var.labels

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { AWS = sort(var.principals) }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "sts:ExternalId" = var.external_id } }
    }]
  })
}

resource "aws_iam_role_policy" "this" {
  name   = "drop"
  role   = aws_iam_role.this.name
  policy = jsonencode({ Version = "2012-10-17", Statement = local.statements })
}
