# Every validation has a case that fails, and everything in an exchange folder that
# a plan must not let pass.

mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_secretsmanager_secret" {
    defaults = { name = "ledger", kms_key_id = "" }
  }
}

variables {
  name         = "test"
  region       = "eu-central-1"
  dist_dir     = "tests/dist"
  exchange_dir = "tests/exchanges/zero"
  ledger = {
    origin = "example.com/ledger"
    key    = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:ledger-AbCdEf"
  }
}

run "name_long" {
  command = plan
  variables { name = "a12345678901234567890" }
  expect_failures = [var.name]
}

run "name_capital" {
  command = plan
  variables { name = "Sp" }
  expect_failures = [var.name]
}

run "name_reserved" {
  command = plan
  variables { name = "aws-x" }
  expect_failures = [var.name]
}

run "region" {
  command = plan
  variables { region = "Frankfurt" }
  expect_failures = [var.region]
}

run "labels_reserved" {
  command = plan
  variables { labels = { "aws:x" = "y" } }
  expect_failures = [var.labels]
}

run "labels_many" {
  command = plan
  variables { labels = { for i in range(46) : "l${i}" => "x" } }
  expect_failures = [var.labels]
}

run "exchange_dir" {
  command = plan
  variables { exchange_dir = "tests/exchanges" }
  expect_failures = [var.exchange_dir]
}

run "dist_dir" {
  command = plan
  variables { dist_dir = "tests" }
  expect_failures = [var.dist_dir]
}

run "ledger_origin" {
  command = plan
  variables { ledger = { origin = "a b", key = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:x" } }
  expect_failures = [var.ledger]
}

run "ledger_key" {
  command = plan
  variables { ledger = { origin = "a", key = "x" } }
  expect_failures = [var.ledger]
}

run "ledger_key_name" {
  command = plan
  override_data {
    target = data.aws_secretsmanager_secret.ledger
    values = { name = "prod//ledger", kms_key_id = "" }
  }
  expect_failures = [data.aws_secretsmanager_secret.ledger]
}

run "ledger_key_of_another_account" {
  command = plan
  variables { ledger = { origin = "a", key = "arn:aws:secretsmanager:eu-central-1:210987654321:secret:x" } }
  expect_failures = [data.aws_secretsmanager_secret.ledger]
}

run "ledger_mode" {
  command = plan
  variables { ledger = { origin = "a", key = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:x", lock_mode = "NONE" } }
  expect_failures = [var.ledger]
}

run "ledger_days" {
  command = plan
  variables { ledger = { origin = "a", key = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:x", lock_days = 0 } }
  expect_failures = [var.ledger]
}

run "retention_whole" {
  command = plan
  variables { retention = { drops = 1.5 } }
  expect_failures = [var.retention]
}

run "retention_short" {
  command = plan
  variables { retention = { landing = 14 } }
  expect_failures = [var.retention]
}

run "retention_logs" {
  command = plan
  variables { retention = { logs = 31 } }
  expect_failures = [var.retention]
}

run "rotation" {
  command = plan
  variables { customer_managed_keys = { rotation_days = 30 } }
  expect_failures = [var.customer_managed_keys]
}

run "deletion" {
  command = plan
  variables { customer_managed_keys = { deletion_days = 1 } }
  expect_failures = [var.customer_managed_keys]
}

run "network_half" {
  command = plan
  variables { network = { vpc_id = "vpc-1" } }
  expect_failures = [var.network]
}

run "network_endpoints" {
  command = plan
  variables { network = { vpc_id = "vpc-1", subnet_ids = ["subnet-1"], endpoints = true } }
  expect_failures = [var.network]
}

run "functions_unknown" {
  command = plan
  variables { functions = { ingets = { memory = 512 } } }
  expect_failures = [var.functions]
}

run "functions_memory" {
  command = plan
  variables { functions = { ingest = { memory = 64 } } }
  expect_failures = [var.functions]
}

run "functions_timeout" {
  command = plan
  variables { functions = { ingest = { timeout = 901 } } }
  expect_failures = [var.functions]
}

run "functions_concurrency" {
  command = plan
  variables { functions = { ingest = { concurrency = 1 } } }
  expect_failures = [var.functions]
}

run "functions_receives" {
  command = plan
  variables { functions = { ingest = { receives = 0 } } }
  expect_failures = [var.functions]
}

run "http" {
  command = plan
  variables { http = { enabled = true, rate = 0 } }
  expect_failures = [var.http]
}

run "ticks_unknown" {
  command = plan
  variables { ticks = { nobody = "rate(1 hour)" } }
  expect_failures = [var.ticks]
}

run "ticks_schedule" {
  command = plan
  variables { ticks = { fanout = "hourly" } }
  expect_failures = [var.ticks]
}

run "alarms_topics" {
  command = plan
  variables { alarms = { topics = ["x"] } }
  expect_failures = [var.alarms]
}

run "alarms_age" {
  command = plan
  variables { alarms = { age = 1 } }
  expect_failures = [var.alarms]
}

run "alarms_freshness" {
  command = plan
  variables { alarms = { freshness_hours = 200 } }
  expect_failures = [var.alarms]
}

run "telemetry" {
  command = plan
  variables { telemetry = { log = "LOUD" } }
  expect_failures = [var.telemetry]
}

run "destination_of_another_cloud" {
  command = plan
  variables { exchange_dir = "tests/exchanges/bad-destination" }
  expect_failures = [output.onboarding]
}

run "destination_of_our_own" {
  command = plan
  variables { exchange_dir = "tests/exchanges/own-bucket" }
  expect_failures = [output.onboarding]
}

run "destination_with_wildcard" {
  command = plan
  variables { exchange_dir = "tests/exchanges/wildcard" }
  expect_failures = [output.onboarding]
}

run "patience_beyond_the_queue" {
  command = plan
  variables { exchange_dir = "tests/exchanges/patience" }
  expect_failures = [output.onboarding]
}

run "retention_not_understood" {
  command = plan
  variables { exchange_dir = "tests/exchanges/retention" }
  expect_failures = [output.onboarding]
}

run "retention_too_short" {
  command = plan
  variables { exchange_dir = "tests/exchanges/short" }
  expect_failures = [output.onboarding]
}

run "key_of_destination" {
  command = plan
  variables { exchange_dir = "tests/exchanges/key" }
  expect_failures = [output.onboarding]
}

run "partner_id" {
  command = plan
  module { source = "./modules/partner" }
  variables {
    id          = "Acme"
    principals  = ["111122223333"]
    external_id = "ab"
    drops       = { arn = "arn:aws:s3:::d", kms = false, key = "" }
    quarantine  = { arn = "arn:aws:s3:::q", kms = false, key = "" }
    via         = "s3.eu-central-1.amazonaws.com"
  }
  expect_failures = [var.id]
}

run "principal_anybody" {
  command = plan
  module { source = "./modules/partner" }
  variables {
    id          = "acme"
    principals  = ["*"]
    external_id = "ab"
    drops       = { arn = "arn:aws:s3:::d", kms = false, key = "" }
    quarantine  = { arn = "arn:aws:s3:::q", kms = false, key = "" }
    via         = "s3.eu-central-1.amazonaws.com"
  }
  expect_failures = [var.principals]
}

run "principal_nobody" {
  command = plan
  module { source = "./modules/partner" }
  variables {
    id          = "acme"
    principals  = []
    external_id = "ab"
    drops       = { arn = "arn:aws:s3:::d", kms = false, key = "" }
    quarantine  = { arn = "arn:aws:s3:::q", kms = false, key = "" }
    via         = "s3.eu-central-1.amazonaws.com"
  }
  expect_failures = [var.principals]
}

run "external_id_with_blank" {
  command = plan
  module { source = "./modules/partner" }
  variables {
    id          = "acme"
    principals  = ["111122223333"]
    external_id = "a b"
    drops       = { arn = "arn:aws:s3:::d", kms = false, key = "" }
    quarantine  = { arn = "arn:aws:s3:::q", kms = false, key = "" }
    via         = "s3.eu-central-1.amazonaws.com"
  }
  expect_failures = [var.external_id]
}

run "bucket_name" {
  command = plan
  module { source = "./modules/bucket" }
  variables {
    name       = "ab"
    partition  = "aws"
    encryption = { kms = false, key = "" }
  }
  expect_failures = [var.name]
}
