# Every validation has a case that fails, and everything in an exchange folder that
# a plan must not let pass.

mock_provider "google" {
  override_during = plan

  mock_data "google_project" {
    defaults = { number = "123456789012" }
  }
}

variables {
  name         = "test"
  project      = "exchange-1"
  region       = "europe-west3"
  exchange_dir = "../aws/tests/exchanges/zero"
  ledger       = { origin = "example.com/ledger", key = "projects/exchange-1/secrets/ledger" }
  images = {
    for f in ["audit", "fanout", "ingest", "mask", "reveal"] : f => "europe-west3-docker.pkg.dev/exchange-1/sallyport/${f}@sha256:0000000000000000000000000000000000000000000000000000000000000000"
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
  variables { name = "goog-x" }
  expect_failures = [var.name]
}

run "name_of_googles_pools" {
  command = plan
  variables { name = "gcp-x" }
  expect_failures = [var.name]
}

run "project" {
  command = plan
  variables { project = "Exchange" }
  expect_failures = [var.project]
}

run "region" {
  command = plan
  variables { region = "Frankfurt" }
  expect_failures = [var.region]
}

run "labels_letters" {
  command = plan
  variables { labels = { "Team" = "x" } }
  expect_failures = [var.labels]
}

run "labels_many" {
  command = plan
  variables { labels = { for i in range(61) : "l${i}" => "x" } }
  expect_failures = [var.labels]
}

run "exchange_dir" {
  command = plan
  variables { exchange_dir = "tests/exchanges" }
  expect_failures = [var.exchange_dir]
}

run "images_few" {
  command = plan
  variables { images = { mask = "r.example/x@sha256:0000000000000000000000000000000000000000000000000000000000000000" } }
  expect_failures = [var.images]
}

run "images_unknown" {
  command = plan
  variables { images = { for f in ["audit", "fanout", "ingest", "mask", "reveal", "other"] : f => "r.example/x@sha256:0000000000000000000000000000000000000000000000000000000000000000" } }
  expect_failures = [var.images]
}

run "images_by_tag" {
  command = plan
  variables { images = { for f in ["audit", "fanout", "ingest", "mask", "reveal"] : f => "r.example/x:latest" } }
  expect_failures = [var.images]
}

run "operators_anybody" {
  command = plan
  variables { operators = ["allUsers"] }
  expect_failures = [var.operators]
}

run "ledger_origin" {
  command = plan
  variables { ledger = { origin = "a b", key = "projects/exchange-1/secrets/x" } }
  expect_failures = [var.ledger]
}

run "ledger_key" {
  command = plan
  variables { ledger = { origin = "a", key = "x" } }
  expect_failures = [var.ledger]
}

run "ledger_days" {
  command = plan
  variables { ledger = { origin = "a", key = "projects/exchange-1/secrets/x", lock_days = 0 } }
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

run "rotation" {
  command = plan
  variables { customer_managed_keys = { rotation_days = 0 } }
  expect_failures = [var.customer_managed_keys]
}

run "deletion" {
  command = plan
  variables { customer_managed_keys = { deletion_days = 0 } }
  expect_failures = [var.customer_managed_keys]
}

run "network_half" {
  command = plan
  variables { network = { network = "n" } }
  expect_failures = [var.network]
}

run "functions_unknown" {
  command = plan
  variables { functions = { other = {} } }
  expect_failures = [var.functions]
}

run "functions_memory" {
  command = plan
  variables { functions = { mask = { memory = 256 } } }
  expect_failures = [var.functions]
}

run "functions_processors" {
  command = plan
  variables { functions = { mask = { processors = 3 } } }
  expect_failures = [var.functions]
}

run "functions_timeout" {
  command = plan
  variables { functions = { mask = { timeout = 900 } } }
  expect_failures = [var.functions]
}

run "functions_concurrency" {
  command = plan
  variables { functions = { mask = { concurrency = 0 } } }
  expect_failures = [var.functions]
}

run "functions_minimum" {
  command = plan
  variables { functions = { mask = { minimum = 200 } } }
  expect_failures = [var.functions]
}

run "functions_receives" {
  command = plan
  variables { functions = { mask = { receives = 3 } } }
  expect_failures = [var.functions]
}

run "ticks_unknown" {
  command = plan
  variables { ticks = { other = "* * * * *" } }
  expect_failures = [var.ticks]
}

run "ticks_reveal" {
  command = plan
  variables { ticks = { reveal = "* * * * *" } }
  expect_failures = [var.ticks]
}

run "ticks_schedule" {
  command = plan
  variables { ticks = { mask = "rate(5 minutes)" } }
  expect_failures = [var.ticks]
}

run "alarms_channels" {
  command = plan
  variables { alarms = { channels = ["x"] } }
  expect_failures = [var.alarms]
}

run "alarms_age" {
  command = plan
  variables { alarms = { age = 1 } }
  expect_failures = [var.alarms]
}

run "alarms_freshness" {
  command = plan
  variables { alarms = { freshness_hours = 24 } }
  expect_failures = [var.alarms]
}

run "telemetry" {
  command = plan
  variables { telemetry = { log = "ALL" } }
  expect_failures = [var.telemetry]
}

run "keeper_of_another_cloud" {
  command = plan
  variables { exchange_dir = "tests/exchanges/keeper" }
  expect_failures = [output.onboarding]
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
  variables { exchange_dir = "../aws/tests/exchanges/retention" }
  expect_failures = [output.onboarding]
}

run "retention_too_short" {
  command = plan
  variables { exchange_dir = "../aws/tests/exchanges/short" }
  expect_failures = [output.onboarding]
}

run "partner_id" {
  command = plan
  module { source = "./modules/partner" }
  variables {
    id         = "Acme"
    project    = "exchange-1"
    principals = ["group:a@b.example"]
    drops      = "d"
    quarantine = "q"
  }
  expect_failures = [var.id]
}

run "principal_anybody" {
  command = plan
  module { source = "./modules/partner" }
  variables {
    id         = "acme"
    project    = "exchange-1"
    principals = ["allUsers"]
    drops      = "d"
    quarantine = "q"
  }
  expect_failures = [var.principals]
}

run "principal_nobody" {
  command = plan
  module { source = "./modules/partner" }
  variables {
    id         = "acme"
    project    = "exchange-1"
    principals = []
    drops      = "d"
    quarantine = "q"
  }
  expect_failures = [var.principals]
}

run "issuer_without_tls" {
  command = plan
  module { source = "./modules/partner" }
  variables {
    id         = "acme"
    project    = "exchange-1"
    principals = ["group:a@b.example"]
    drops      = "d"
    quarantine = "q"
    workload   = { pool = "p", issuer = "http://x.example", audiences = [], subjects = ["s"] }
  }
  expect_failures = [var.workload]
}

run "issuer_of_everybody" {
  command = plan
  module { source = "./modules/partner" }
  variables {
    id         = "acme"
    project    = "exchange-1"
    principals = ["group:a@b.example"]
    drops      = "d"
    quarantine = "q"
    workload   = { pool = "p", issuer = "https://x.example", audiences = [], subjects = [] }
  }
  expect_failures = [var.workload]
}

run "subject_with_wildcard" {
  command = plan
  module { source = "./modules/partner" }
  variables {
    id         = "acme"
    project    = "exchange-1"
    principals = ["group:a@b.example"]
    drops      = "d"
    quarantine = "q"
    workload   = { pool = "p", issuer = "https://x.example", audiences = [], subjects = ["repo:*"] }
  }
  expect_failures = [var.workload]
}

run "bucket_name" {
  command = plan
  module { source = "./modules/bucket" }
  variables {
    name       = "ab"
    project    = "exchange-1"
    location   = "x"
    encryption = { key = null }
    bindings   = []
  }
  expect_failures = [var.name]
}

run "key_name" {
  command = plan
  module { source = "./modules/key" }
  variables {
    name  = "a b"
    ring  = "r"
    users = { both = [], decrypt = [] }
  }
  expect_failures = [var.name]
}

run "function_processors_for_memory" {
  command = plan
  module { source = "./modules/function" }
  variables {
    name        = "f"
    description = "d"
    project     = "exchange-1"
    region      = "r"
    image       = "i"
    identity    = "x@y"
    environment = {}
    invokers    = []
    size        = { memory = 8193, processors = 2, timeout = 60, concurrency = 1, instances = 1, minimum = 0 }
    encryption  = { key = null }
  }
  expect_failures = [var.size]
}

run "function_memory_for_processors" {
  command = plan
  module { source = "./modules/function" }
  variables {
    name        = "f"
    description = "d"
    project     = "exchange-1"
    region      = "r"
    image       = "i"
    identity    = "x@y"
    environment = {}
    invokers    = []
    size        = { memory = 1024, processors = 4, timeout = 60, concurrency = 1, instances = 1, minimum = 0 }
    encryption  = { key = null }
  }
  expect_failures = [var.size]
}

run "function_name" {
  command = plan
  module { source = "./modules/function" }
  variables {
    name        = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    description = "d"
    project     = "exchange-1"
    region      = "r"
    image       = "i"
    identity    = "x@y"
    environment = {}
    invokers    = []
    size        = { memory = 512, processors = 1, timeout = 60, concurrency = 1, instances = 1, minimum = 0 }
    encryption  = { key = null }
  }
  expect_failures = [var.name]
}

run "queue_name" {
  command = plan
  module { source = "./modules/queue" }
  variables {
    name       = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    project    = "exchange-1"
    region     = "r"
    topics     = {}
    endpoint   = "https://x.example"
    identity   = "x@y"
    agent      = "serviceAccount:z@y"
    timeout    = 60
    receives   = 0
    encryption = { key = null }
  }
  expect_failures = [var.name]
}

run "queue_timeout" {
  command = plan
  module { source = "./modules/queue" }
  variables {
    name       = "q"
    project    = "exchange-1"
    region     = "r"
    topics     = {}
    endpoint   = "https://x.example"
    identity   = "x@y"
    agent      = "serviceAccount:z@y"
    timeout    = 601
    receives   = 0
    encryption = { key = null }
  }
  expect_failures = [var.timeout]
}

run "cloud" {
  command = plan
  module { source = "../exchange" }
  variables {
    dir       = "../aws/tests/exchanges/zero"
    cloud     = "other"
    retention = { drops = 1, landing = 15, masked = 15, quarantine = 1, state = 15 }
  }
  expect_failures = [var.cloud]
}
