# The functions of the wiring, from the images of make dist, each with an identity
# of its own.

locals {
  # The largest drop needs memory for the keys of rows that must be unique: there is
  # no disk. What reaches partners is tried for as long as messages are kept; it
  # gives up itself.
  defaults = {
    ingest = { memory = 2048, processors = 1, timeout = 600, concurrency = 4, instances = 10, minimum = 0, receives = 20 }
    mask   = { memory = 1024, processors = 1, timeout = 300, concurrency = 4, instances = 10, minimum = 0, receives = 20 }
    fanout = { memory = 512, processors = 1, timeout = 120, concurrency = 20, instances = 10, minimum = 0, receives = 0 }
    audit  = { memory = 512, processors = 1, timeout = 120, concurrency = 500, instances = 2, minimum = 0, receives = 100 }
    reveal = { memory = 512, processors = 1, timeout = 30, concurrency = 20, instances = 5, minimum = 0, receives = 20 }
    other  = { memory = 512, processors = 1, timeout = 120, concurrency = 20, instances = 2, minimum = 0, receives = 20 }
  }

  sizes = { for name in keys(local.wiring.functions) : name => {
    for what, value in lookup(local.defaults, name, local.defaults.other) : what => try(var.functions[name][what] == null ? value : var.functions[name][what], value)
  } }

  bucket_urls = { for b in keys(local.wiring.buckets) : b => "gs://${var.name}-${b}" }
  topic_urls  = { for t in local.topics : t => "gcppubsub://projects/${var.project}/topics/${var.name}-${t}" }
  key_urls    = "${local.bucket_urls["exchange"]}?ring=${local.keyring}&keeper=${urlencode("gcpkms://${local.key_names["keyring"]}")}"

  # A function is told to end before whoever waits for its answer gives up.
  environments = { for name, f in local.wiring.functions : name => merge(
    { for b in keys(f.buckets) : "SALLYPORT_${upper(b)}" => local.bucket_urls[b] },
    { SALLYPORT_LOG = var.telemetry.log, SALLYPORT_TIMEOUT = "${local.sizes[name].timeout - 5}s", GOOGLE_CLOUD_PROJECT = var.project },
    { for k, v in { SALLYPORT_DEAD = local.topic_urls["dead"] } : k => v if contains(keys(local.heard), name) },
    { for k, v in { SALLYPORT_TOPIC = lookup(local.topic_urls, name, "") } : k => v if try(f.publishes, false) },
    { for k, v in { SALLYPORT_KEYS = local.key_urls } : k => v if try(f.keys, false) },
    { for k, v in { SALLYPORT_BATCH = tostring(try(f.batch, 0)), SALLYPORT_WINDOW = "1s" } : k => v if try(f.batch, 0) > 1 },
    { for k, v in { SALLYPORT_LEDGER_ORIGIN = var.ledger.origin } : k => v if try(f.signs, false) },
  ) }

  # Read by Cloud Run when an instance starts: no plan and no state holds them.
  secrets = { for name, f in local.wiring.functions : name => { for k, v in { SALLYPORT_LEDGER_KEY = var.ledger.key } : k => v if try(f.signs, false) } }

  # Who invokes: Pub/Sub, which pushes, and Cloud Scheduler where there are ticks.
  invokers = { for name in keys(local.wiring.functions) : name => concat(
    contains(keys(local.heard), name) ? [local.identities["push"]] : [],
    contains(keys(var.ticks), name) ? [local.identities["tick"]] : [],
  ) }
}

resource "google_service_account" "function" {
  for_each = local.wiring.functions

  project      = var.project
  account_id   = "${var.name}-${each.key}"
  display_name = "Function ${each.key} of ${var.name}"

  depends_on = [google_project_service.this]
}

module "function" {
  source   = "./modules/function"
  for_each = local.wiring.functions

  name                = "${var.name}-${each.key}"
  description         = "Function ${each.key} of the exchange ${module.exchange.name}"
  project             = var.project
  region              = var.region
  labels              = local.labels
  image               = var.images[each.key]
  identity            = google_service_account.function[each.key].email
  environment         = local.environments[each.key]
  secrets             = local.secrets[each.key]
  size                = local.sizes[each.key]
  invokers            = local.invokers[each.key]
  open                = try(each.value.serves, false) && var.http.reveal
  encryption          = local.encryption["functions"]
  network             = var.network
  deletion_protection = var.deletion_protection

  depends_on = [module.key, google_secret_manager_secret_iam_member.ledger, google_service_account.push, google_service_account.tick]
}

# The secret is not ours: others may read it, too.
resource "google_secret_manager_secret_iam_member" "ledger" {
  for_each = toset([for name, f in local.wiring.functions : name if try(f.signs, false)])

  secret_id = var.ledger.key
  role      = "roles/secretmanager.secretAccessor"
  member    = local.identities[each.key]

  depends_on = [google_service_account.function]
}
