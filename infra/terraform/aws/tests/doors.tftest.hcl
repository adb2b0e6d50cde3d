# The two doors: what each identity can do, and above all what it can not. The
# policies are held to those under golden, as JSON.

mock_provider "aws" {
  override_during = plan

  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_secretsmanager_secret" {
    defaults = { name = "ledger", kms_key_id = "" }
  }
  mock_resource "aws_kms_key" {
    defaults = { arn = "arn:aws:kms:eu-central-1:123456789012:key/0b0c" }
  }
}

variables {
  name         = "sp"
  region       = "eu-central-1"
  dist_dir     = "tests/dist"
  exchange_dir = "tests/exchanges/three"
  ledger = {
    origin = "example.com/ledger"
    key    = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:ledger-AbCdEf"
  }
}

run "doors" {
  command = plan

  # What is new stands in the message: look at it, and if it is meant put it there.
  assert {
    condition = jsonencode({ for who, policies in output.doors : who => { for id, policy in policies : id => jsondecode(policy) } if who != "table" && who != "keys" }) == jsonencode(
    jsondecode(file("tests/golden/policies.json")))
    error_message = "The policies are not those in tests/golden/policies.json but ${jsonencode({ for who, policies in output.doors : who => { for id, policy in policies : id => jsondecode(policy) } if who != "table" && who != "keys" })}"
  }

  # Fanout reads nothing raw.
  assert {
    condition = length([for s in jsondecode(output.doors.functions["fanout"]).Statement : s
    if s.Effect == "Allow" && length([for r in s.Resource : r if strcontains(r, ":::sp-landing") || strcontains(r, ":::sp-drops") || strcontains(r, ":::sp-quarantine")]) > 0]) == 0
    error_message = "fanout reaches raw rows."
  }
  assert {
    condition = alltrue([for b in ["drops", "landing", "quarantine"] : length([for s in jsondecode(output.doors.buckets[b]).Statement : s
    if s.Effect == "Deny" && s.Action == "s3:GetObject" && contains(try(s.Condition.ArnEquals["aws:PrincipalArn"], []), "arn:aws:iam::123456789012:role/sp-fanout")]) == 1])
    error_message = "A bucket with raw rows does not deny fanout to read."
  }

  # Nobody but fanout reaches a partner.
  assert {
    condition     = alltrue([for pair, a in aws_iam_role_policy_attachment.outer : startswith(pair, "fanout-") && a.role == "sp-fanout"]) && length(aws_iam_role_policy_attachment.outer) > 0
    error_message = "Another function than fanout reaches partners."
  }
  assert {
    condition = alltrue(flatten([for name, policy in output.doors.functions : [for s in jsondecode(policy).Statement : [for r in s.Resource :
      startswith(r, "arn:aws:s3:::sp-") || startswith(r, "arn:aws:sns:eu-central-1:123456789012:sp-") || startswith(r, "arn:aws:sqs:eu-central-1:123456789012:sp-") ||
      startswith(r, "arn:aws:kms:eu-central-1:123456789012:key/") || startswith(r, "arn:aws:logs:eu-central-1:123456789012:log-group:/aws/lambda/sp-") ||
      r == var.ledger.key && name == "audit"
    ] if s.Effect == "Allow"]]))
    error_message = "The policy of a function names what is not the exchange's."
  }

  # Nobody deletes from the ledger, nor anything of the exchange.
  assert {
    condition = alltrue(flatten([for policy in concat(values(output.doors.functions), values(output.doors.outer), values(output.doors.partners)) :
    [for s in jsondecode(policy).Statement : [for a in flatten([s.Action]) : !strcontains(a, "s3:Delete")] if s.Effect == "Allow"]]))
    error_message = "Somebody may delete objects."
  }
  assert {
    condition = length([for s in jsondecode(output.doors.buckets["ledger"]).Statement : s
    if s.Effect == "Deny" && s.Principal == "*" && contains(flatten([s.Action]), "s3:DeleteObject") && contains(flatten([s.Action]), "s3:DeleteObjectVersion")]) == 1
    error_message = "The ledger lets objects be deleted."
  }

  # What has the keys of tokens is mask, which makes them, and reveal.
  assert {
    condition     = join(",", [for name, policy in output.doors.functions : name if strcontains(policy, "KeyOfTokens")]) == "mask,reveal"
    error_message = "Another function than mask and reveal has the keys of tokens."
  }

  # What reads the signing key is audit, and it stands in no setting of a function.
  assert {
    condition     = join(",", [for name, policy in output.doors.functions : name if strcontains(policy, "secretsmanager:")]) == "audit"
    error_message = "Another function than audit reads the signing key."
  }
  assert {
    condition     = module.function["audit"].environment["SALLYPORT_LEDGER_KEY"] == "awssecretsmanager://ledger?region=eu-central-1&decoder=string"
    error_message = "The setting of audit is not the URL of the secret that holds the signing key."
  }

  # Who gives values back has no rows, creates nothing, and hears nothing.
  assert {
    condition = alltrue([for s in jsondecode(output.doors.functions["reveal"]).Statement : alltrue([for r in s.Resource :
      !startswith(r, "arn:aws:s3:::") || startswith(r, "arn:aws:s3:::sp-exchange") || startswith(r, "arn:aws:s3:::sp-subjects")]) && !contains(s.Action, "s3:PutObject") && !contains(s.Action, "sqs:ReceiveMessage")
    if s.Effect == "Allow"])
    error_message = "reveal reaches rows, or may create objects."
  }
  assert {
    condition = alltrue([for b in ["drops", "landing", "quarantine", "masked", "state", "ledger"] : length([for s in jsondecode(output.doors.buckets[b]).Statement : s
    if s.Effect == "Deny" && s.Action == "s3:GetObject" && contains(try(s.Condition.ArnEquals["aws:PrincipalArn"], []), "arn:aws:iam::123456789012:role/sp-reveal")]) == 1])
    error_message = "A bucket does not deny reveal to read."
  }

  # No wildcards where something can be named.
  assert {
    condition = alltrue(flatten([for policy in concat(values(output.doors.functions), values(output.doors.outer), values(output.doors.partners)) :
    [for s in jsondecode(policy).Statement : concat([for a in flatten([s.Action]) : !strcontains(a, "*")], [for r in flatten([s.Resource]) : r != "*"]) if s.Effect == "Allow"]]))
    error_message = "A policy has a wildcard action or resource."
  }

  # A partner drops below its own prefix, reads its own refusals, and no more.
  assert {
    condition = alltrue(flatten([for id, policy in output.doors.partners : [for s in jsondecode(policy).Statement : [for r in flatten([s.Resource]) :
      startswith(r, "arn:aws:s3:::sp-drops/${id}/") || startswith(r, "arn:aws:s3:::sp-quarantine/${id}/") || r == "arn:aws:s3:::sp-quarantine" && s.Action == ["s3:ListBucket"] || startswith(r, "arn:aws:kms:")
    ]]]))
    error_message = "A partner reaches what is another's."
  }

  # The table itself is the wiring's.
  assert {
    condition     = length(setsubtract(keys(output.doors.table), flatten([for f, says in yamldecode(file("../wiring/wiring.yaml")).functions : [for b, rights in says.buckets : [for r in rights : "${f} ${b} ${r}"]]]))) == 0
    error_message = "The table of doors has a right that wiring.yaml has not."
  }
}

run "signing_key_with_its_own_key" {
  command = plan

  override_data {
    target = data.aws_secretsmanager_secret.ledger
    values = { name = "prod/ledger", kms_key_id = "0d0e" }
  }

  assert {
    condition = [for s in jsondecode(output.doors.functions["audit"]).Statement : s if s.Sid == "KeyOfSecret"] == [{
      Sid = "KeyOfSecret", Effect = "Allow", Action = ["kms:Decrypt"], Resource = ["arn:aws:kms:eu-central-1:123456789012:key/0d0e"]
    }]
    error_message = "Audit may not use the key of the secret."
  }
}

run "environments" {
  command = plan

  assert {
    condition     = jsonencode({ for name, f in module.function : name => sort(keys(f.environment)) }) == jsonencode(jsondecode(file("tests/golden/environment.json")))
    error_message = "The environment variables are not those in tests/golden/environment.json, which a Go test holds to the code, but ${jsonencode({ for name, f in module.function : name => sort(keys(f.environment)) })}"
  }
}

run "locked" {
  command = plan

  assert {
    condition     = module.bucket["ledger"].lock == { mode = "GOVERNANCE", days = 365 } && module.bucket["landing"].lock == { mode = "", days = 0 }
    error_message = "The ledger's objects are not locked, or others are."
  }
}
