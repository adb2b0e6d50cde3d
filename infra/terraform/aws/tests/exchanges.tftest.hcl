# What a plan makes of an exchange folder: nobody, one, three and fifty partners,
# keys of their own, retention, names at their length limits.

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
  name     = "sp"
  region   = "eu-central-1"
  dist_dir = "tests/dist"
  ledger = {
    origin = "example.com/ledger"
    key    = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:ledger-AbCdEf"
  }
}

run "nobody" {
  command = plan
  variables { exchange_dir = "tests/exchanges/zero" }

  assert {
    condition     = length(module.partner) == 0 && length(module.partner_key) == 0 && length(aws_iam_policy.outer) == 0
    error_message = "An exchange without partners has resources of partners."
  }
  assert {
    condition     = keys(module.bucket) == ["drops", "exchange", "landing", "ledger", "masked", "quarantine", "state", "subjects"]
    error_message = "The buckets are not those of the wiring."
  }
  assert {
    condition     = !module.bucket["subjects"].versioned && module.bucket["landing"].versioned
    error_message = "Keys of data subjects that are overwritten stay as older versions, or what else is replaced does not."
  }
  assert {
    condition     = keys(module.function) == keys(local.wiring.functions) && keys(module.queue) == ["audit", "fanout", "ingest", "mask"]
    error_message = "The functions and queues are not those of the wiring."
  }
}

run "one" {
  command = plan
  variables { exchange_dir = "tests/exchanges/one" }

  assert {
    condition     = keys(module.partner) == ["acme"] && length(aws_iam_policy.outer) == 0
    error_message = "The partner that drops has no role, or one that receives nothing has destinations."
  }
}

run "three" {
  command = plan
  variables { exchange_dir = "tests/exchanges/three" }

  assert {
    condition     = keys(module.partner) == ["acme", "bolt"]
    error_message = "Who drops has a role, and nobody else."
  }
  assert {
    condition     = keys(module.partner_key) == ["acme"]
    error_message = "Who asked for a key has one, and nobody else."
  }
  assert {
    condition     = length(local.deliveries) == 4 && !contains(local.deliveries[*].subscription, "bolt-revoked")
    error_message = "A revoked subscription must open no destination."
  }
  assert {
    condition     = output.onboarding["acme"].external_id == "acme-2026" && output.onboarding["bolt"].external_id == "sp/bolt"
    error_message = "The external id is the file's, or made of the names."
  }
  assert {
    condition     = strcontains(output.onboarding["bolt"].sheet, "Put files into the bucket sp-drops") && strcontains(output.onboarding["core"].sheet, "Let this role write to your destinations: arn:aws:iam::123456789012:role/sp-fanout")
    error_message = "An onboarding sheet does not say how to start."
  }
}

run "fifty" {
  command = plan
  variables { exchange_dir = "tests/exchanges/fifty" }

  assert {
    condition     = length(module.partner) == 50 && length(distinct([for m in module.partner : m.role])) == 50
    error_message = "Fifty partners have fifty roles."
  }
  assert {
    condition     = alltrue([for p in aws_iam_policy.outer : length(p.policy) <= 6144]) && length(aws_iam_policy.outer) <= 8
    error_message = "The destinations of fifty partners do not fit into eight policies."
  }
}

run "retention" {
  command = plan
  variables { exchange_dir = "tests/exchanges/keep" }

  assert {
    condition = jsonencode({ for b, m in module.bucket : b => m.retention if length(m.retention) > 0 }) == jsonencode({
      drops      = { "" = 90, "acme/orders/" = 20 }
      landing    = { "" = 20 }
      masked     = { "" = 20 }
      quarantine = { "" = 90, "acme/" = 20 }
      state      = { "" = 400 }
    })
    error_message = "A contract's retention of P20D does not shorten what its rows lie in, or the ledger and configurations are not kept for good."
  }
}

run "without_keys_of_ours" {
  command = plan
  variables {
    exchange_dir          = "tests/exchanges/three"
    customer_managed_keys = { enabled = false }
  }

  assert {
    condition     = keys(module.key) == ["keyring"] && keys(module.partner_key) == ["acme"]
    error_message = "Only the key ring and a partner that asked keep a key."
  }
}

run "names_at_their_limit" {
  command = plan
  variables {
    exchange_dir = "tests/exchanges/three"
    name         = "a1234567890123456789"
  }

  assert {
    condition     = alltrue([for b in module.bucket : length(b.name) <= 63]) && alltrue([for m in module.partner : length(m.role) <= 64]) && alltrue([for f in module.function : length(f.name) <= 64])
    error_message = "A name is longer than AWS takes."
  }
}

run "protected" {
  command = plan
  variables { exchange_dir = "tests/exchanges/zero" }

  assert {
    condition     = alltrue([for b in module.bucket : strcontains(b.policy, "s3:DeleteBucket")])
    error_message = "A bucket can be deleted although deletion_protection is on."
  }
}

run "unprotected" {
  command = plan
  variables {
    exchange_dir        = "tests/exchanges/zero"
    deletion_protection = false
  }

  assert {
    condition     = alltrue([for b in module.bucket : !strcontains(b.policy, "s3:DeleteBucket")])
    error_message = "Without deletion_protection a deployment cannot be removed."
  }
}

run "private" {
  command = plan
  variables {
    exchange_dir = "tests/exchanges/zero"
    network = {
      vpc_id          = "vpc-1"
      subnet_ids      = ["subnet-1", "subnet-2"]
      route_table_ids = ["rtb-1"]
      endpoints       = true
    }
  }

  assert {
    condition     = keys(aws_vpc_endpoint.this) == ["kms", "secretsmanager", "sns"] && length(aws_vpc_endpoint.s3) == 1
    error_message = "The VPC has no endpoints for what the functions use."
  }
}

run "http" {
  command = plan
  variables {
    exchange_dir = "tests/exchanges/three"
    http         = { enabled = true }
  }

  assert {
    condition     = aws_apigatewayv2_route.partners[0].authorization_type == "AWS_IAM"
    error_message = "Anybody could post events."
  }
}

run "http_reveal" {
  command = plan
  variables {
    exchange_dir = "tests/exchanges/three"
    http         = { reveal = true }
  }

  assert {
    condition     = aws_apigatewayv2_route.reveal[0].route_key == "POST /v1/reveal" && length(aws_apigatewayv2_route.partners) == 0 && length(aws_apigatewayv2_stage.this) == 1
    error_message = "There is another route than that of reveal, or none."
  }
  assert {
    condition     = alltrue([for p in values(output.onboarding) : p.events == ""])
    error_message = "Partners are told to post events where they cannot."
  }
}

run "ticks" {
  command = plan
  variables {
    exchange_dir = "tests/exchanges/zero"
    ticks        = { fanout = "rate(5 minutes)" }
  }

  assert {
    condition     = aws_cloudwatch_event_rule.tick["fanout"].schedule_expression == "rate(5 minutes)"
    error_message = "The tick has another schedule."
  }
}
