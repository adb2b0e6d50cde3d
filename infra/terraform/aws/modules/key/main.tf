# A symmetric KMS key with an alias. In the policy of a key the resource "*" is
# the key itself: AWS has no other way to say it.

locals {
  administers = [
    "kms:CancelKeyDeletion", "kms:CreateAlias", "kms:CreateGrant", "kms:DeleteAlias", "kms:DescribeKey", "kms:DisableKey",
    "kms:DisableKeyRotation", "kms:EnableKey", "kms:EnableKeyRotation", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus",
    "kms:ListGrants", "kms:ListKeyPolicies", "kms:ListKeyRotations", "kms:ListResourceTags", "kms:PutKeyPolicy",
    "kms:RevokeGrant", "kms:RotateKeyOnDemand", "kms:ScheduleKeyDeletion", "kms:TagResource", "kms:UntagResource",
    "kms:UpdateAlias", "kms:UpdateKeyDescription",
  ]
  uses = ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo"]

  policy = {
    Version = "2012-10-17"
    Statement = concat(
      [{
        Sid       = "Account"
        Effect    = "Allow"
        Principal = { AWS = var.owner }
        Action    = concat(local.administers, local.uses)
        Resource  = "*"
      }],
      [for service, may in var.services : {
        Sid       = "Service${replace(title(split(".", service)[0]), "-", "")}"
        Effect    = "Allow"
        Principal = { Service = service }
        Action    = may.actions
        Resource  = "*"
        Condition = { StringEquals = { "aws:SourceAccount" = may.account } }
      }],
      [for s in [{
        Sid       = "Granted"
        Effect    = "Allow"
        Principal = { AWS = "*" }
        Action    = sort(var.granted.actions)
        Resource  = "*"
        Condition = { ArnEquals = { "aws:PrincipalArn" = sort(var.granted.roles) } }
      }] : s if length(var.granted.roles) > 0],
      [for action, roles in var.denied : {
        Sid       = "Deny${replace(replace(action, "kms:", ""), "*", "")}"
        Effect    = "Deny"
        Principal = "*"
        Action    = action
        Resource  = "*"
        Condition = { ArnEquals = { "aws:PrincipalArn" = sort(roles) } }
      } if length(roles) > 0],
    )
  }
}

resource "aws_kms_key" "this" {
  description             = var.description
  enable_key_rotation     = true
  rotation_period_in_days = var.rotation_days
  deletion_window_in_days = var.deletion_days
  policy                  = jsonencode(local.policy)
  tags                    = var.labels
}

resource "aws_kms_alias" "this" {
  name          = "alias/${var.name}"
  target_key_id = aws_kms_key.this.key_id
}
