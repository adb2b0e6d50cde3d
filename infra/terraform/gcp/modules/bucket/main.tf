# A private bucket: access by IAM alone, never public, encrypted, with a policy that
# names everybody who may. Objects are versioned, or may not be replaced at all: the
# two exclude each other.

locals {
  policy = { bindings = [for b in var.bindings : merge({ role = b.role, members = b.members }, b.condition == null ? {} : { condition = b.condition })] }

  # Rules by days: a bucket has a hundred at most, and each names up to fifty prefixes.
  days = distinct([for prefix, days in var.retention : days if prefix != ""])
  rules = concat(
    [for days in [for prefix, days in var.retention : days if prefix == ""] : { days = days, prefixes = null }],
    flatten([for days in local.days : [for prefixes in chunklist(sort([for prefix, d in var.retention : prefix if d == days && prefix != ""]), 50) : { days = days, prefixes = prefixes }]]),
  )
}

resource "google_storage_bucket" "this" {
  project                     = var.project
  name                        = var.name
  location                    = var.location
  force_destroy               = !var.deletion_protection
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  labels                      = var.labels

  versioning {
    enabled = var.versioned && var.lock.days == 0
  }

  soft_delete_policy {
    retention_duration_seconds = 0 # older versions are kept instead
  }

  dynamic "encryption" {
    for_each = var.encryption.key == null ? [] : [var.encryption.key]

    content {
      default_kms_key_name = encryption.value
    }
  }

  dynamic "retention_policy" {
    for_each = var.lock.days > 0 ? [var.lock] : []

    content {
      retention_period = tostring(86400 * retention_policy.value.days)
      is_locked        = retention_policy.value.locked
    }
  }

  lifecycle_rule {
    action {
      type = "AbortIncompleteMultipartUpload"
    }
    condition {
      age = 7
    }
  }

  dynamic "lifecycle_rule" {
    for_each = var.lock.days > 0 ? [] : [var.noncurrent_days]

    content {
      action {
        type = "Delete"
      }
      condition {
        days_since_noncurrent_time = lifecycle_rule.value
        with_state                 = "ARCHIVED"
      }
    }
  }

  dynamic "lifecycle_rule" {
    for_each = local.rules

    content {
      action {
        type = "Delete"
      }
      condition {
        age            = lifecycle_rule.value.days
        matches_prefix = lifecycle_rule.value.prefixes
        with_state     = "LIVE"
      }
    }
  }
}

resource "google_storage_bucket_iam_policy" "this" {
  bucket      = google_storage_bucket.this.name
  policy_data = jsonencode(local.policy)
}
