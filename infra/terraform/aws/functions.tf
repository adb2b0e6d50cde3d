# The functions of the wiring, from the zips of make dist.

locals {
  manifest = jsondecode(file("${var.dist_dir}/manifest.json"))

  # The largest drop needs disk for the keys of rows that must be unique; what
  # reaches partners is tried for long, because SQS, not the function, counts.
  defaults = {
    ingest = { memory = 1024, disk = 4096, timeout = 900, concurrency = 10, extra = 5, receives = 10 }
    mask   = { memory = 1024, disk = 512, timeout = 300, concurrency = 10, extra = 0, receives = 10 }
    fanout = { memory = 512, disk = 512, timeout = 120, concurrency = 20, extra = 0, receives = 1000 }
    audit  = { memory = 512, disk = 512, timeout = 120, concurrency = 2, extra = 0, receives = 100 }
    reveal = { memory = 512, disk = 512, timeout = 30, concurrency = 0, extra = 10, receives = 10 }
    other  = { memory = 512, disk = 512, timeout = 120, concurrency = 2, extra = 0, receives = 10 }
  }

  sizes = { for name in keys(local.wiring.functions) : name => {
    for what, value in lookup(local.defaults, name, local.defaults.other) : what => coalesce(try(var.functions[name][what], null), value)
  } }

  bucket_urls = { for b in keys(local.wiring.buckets) : b => "s3://${var.name}-${b}?region=${var.region}" }
  topic_urls  = { for t, arn in local.topic_arns : t => "awssns:///${arn}?region=${var.region}" }
  key_urls    = "${local.bucket_urls["exchange"]}&ring=${local.keyring}&keeper=${urlencode("awskms:///${module.key["keyring"].arn}?region=${var.region}")}"

  # Where audit finds the signing key: no plan, no state and no setting of a function holds it.
  ledger_key_url = "awssecretsmanager://${data.aws_secretsmanager_secret.ledger.name}?region=${split(":", var.ledger.key)[3]}&decoder=string"

  environments = { for name, f in local.wiring.functions : name => merge(
    { for b in keys(f.buckets) : "SALLYPORT_${upper(b)}" => local.bucket_urls[b] },
    { SALLYPORT_LOG = var.telemetry.log },
    { for k, v in { SALLYPORT_DEAD = local.topic_urls["dead"] } : k => v if contains(keys(local.heard), name) },
    { for k, v in { SALLYPORT_TOPIC = lookup(local.topic_urls, name, "") } : k => v if try(f.publishes, false) },
    { for k, v in { SALLYPORT_KEYS = local.key_urls } : k => v if try(f.keys, false) },
    { for k, v in { SALLYPORT_LEDGER_KEY = local.ledger_key_url, SALLYPORT_LEDGER_ORIGIN = var.ledger.origin } : k => v if try(f.signs, false) },
  ) }
}

# The secret's name, by which it is read, and its key; not its value.
data "aws_secretsmanager_secret" "ledger" {
  arn = var.ledger.key

  lifecycle {
    postcondition {
      condition     = can(regex("^/?[A-Za-z0-9_+=.-]+(/[A-Za-z0-9_+=.-]+)*$", self.name))
      error_message = "The secret of the ledger's key needs a name of letters, digits, _+=.- and single slashes between them."
    }
    postcondition {
      condition     = split(":", var.ledger.key)[4] == local.account
      error_message = "The secret of the ledger's key must be in the account of the deployment: it is read by its name."
    }
  }
}

module "function" {
  source   = "./modules/function"
  for_each = local.wiring.functions

  name        = "${var.name}-${each.key}"
  description = "Sallyport ${each.key}: ${length(each.value.hears) > 0 ? "hears ${join(", ", each.value.hears)}" : "answers requests"}"
  labels      = local.labels
  environment = local.environments[each.key]
  policy      = local.policies[each.key]
  encryption  = local.encryption["functions"]
  xray        = var.telemetry.xray
  log_days    = var.retention.logs

  package = {
    file = "${var.dist_dir}/${local.manifest.artifacts["${each.key}-lambda-arm64"].file}"
    hash = local.manifest.artifacts["${each.key}-lambda-arm64"].sha256Base64
  }
  size = {
    memory  = local.sizes[each.key].memory
    disk    = local.sizes[each.key].disk
    timeout = local.sizes[each.key].timeout
  }
  concurrency = {
    queue = local.sizes[each.key].concurrency
    extra = local.sizes[each.key].extra
  }
  queue = !contains(keys(local.heard), each.key) ? null : {
    arn    = module.queue[each.key].arn
    batch  = try(each.value.batch, 1)
    window = try(each.value.batch, 1) > 1 ? 5 : 0
  }
  network = {
    subnet_ids         = var.network.subnet_ids
    security_group_ids = aws_security_group.functions[*].id
  }
}
