# The two doors. The table says which function has which right on which bucket;
# it is that of wiring.yaml. The policies of the functions, and what the buckets
# and keys deny, are made from it and from nothing else.
#
#   function   reads                     creates in
#   ingest     drops landing             landing quarantine
#              quarantine exchange
#   mask       landing masked exchange   masked subjects
#              subjects
#   fanout     masked state exchange     state, and partners' destinations
#   audit      ledger                    ledger
#   reveal     exchange subjects         nothing: it has the key ring, and answers
#
# There is no right to delete and, but for the ledger's copy of its checkpoint,
# none to replace.

locals {
  # Every right of every function: "fanout masked read" and so on.
  doors = merge([for name, f in local.wiring.functions : merge([for bucket, rights in f.buckets : {
    for right in rights : "${name} ${bucket} ${right}" => { function = name, bucket = bucket, right = right }
  }]...)]...)

  # What a right is: actions on objects, on the bucket and on its key. Objects
  # are created only where there are none: a request says so (If-None-Match), or
  # is a part of an upload of which the last request must.
  actions = {
    read   = { objects = "s3:GetObject", bucket = "s3:ListBucket", key = "kms:Decrypt" }
    create = { objects = "s3:PutObject", key = "kms:GenerateDataKey" }
  }

  reads   = { for name in keys(local.wiring.functions) : name => [for d in local.doors : d.bucket if d.function == name && d.right == "read"] }
  creates = { for name in keys(local.wiring.functions) : name => [for d in local.doors : d.bucket if d.function == name && d.right == "create"] }

  # Who has no such right on a bucket is denied it by the bucket and by its key,
  # too, so that a policy that is added to a role later opens no door.
  denied = { for bucket in keys(local.wiring.buckets) : bucket => {
    read   = [for name in keys(local.wiring.functions) : local.roles[name] if !contains(local.reads[name], bucket)]
    create = [for name in keys(local.wiring.functions) : local.roles[name] if !contains(local.creates[name], bucket)]
    both   = [for name in keys(local.wiring.functions) : local.roles[name] if !contains(local.reads[name], bucket) && !contains(local.creates[name], bucket)]
  } }

  # ARNs are made of names, so that a plan shows whole policies.
  roles       = { for name in keys(local.wiring.functions) : name => "arn:${local.partition}:iam::${local.account}:role/${var.name}-${name}" }
  bucket_arns = { for b in keys(local.wiring.buckets) : b => "arn:${local.partition}:s3:::${var.name}-${b}" }
  topic_arns  = { for t in local.topics : t => "arn:${local.partition}:sns:${var.region}:${local.account}:${var.name}-${t}" }
  queue_arns  = { for name in keys(local.wiring.functions) : name => "arn:${local.partition}:sqs:${var.region}:${local.account}:${var.name}-${name}" }
  keyring     = "keyring.json" # in the bucket exchange, its keys wrapped

  # What the secret of the signing key is encrypted with, where that is a key of
  # yours, by its id or ARN. The alias aws/secretsmanager needs no right.
  secret_keys = [for k in compact([data.aws_secretsmanager_secret.ledger.kms_key_id]) : startswith(k, "arn:") ? k : "arn:${local.partition}:kms:${split(":", var.ledger.key)[3]}:${local.account}:key/${k}" if !strcontains(k, "alias/")]

  policies = { for name, f in local.wiring.functions : name => jsonencode({
    Version = "2012-10-17"
    Statement = [for s in [
      {
        Sid      = "Read"
        Effect   = "Allow"
        Action   = [local.actions.read.objects]
        Resource = [for b in local.reads[name] : "${local.bucket_arns[b]}/*"]
      },
      {
        Sid      = "List"
        Effect   = "Allow"
        Action   = [local.actions.read.bucket]
        Resource = [for b in local.reads[name] : local.bucket_arns[b]]
      },
      {
        Sid       = "Create"
        Effect    = "Allow"
        Action    = [local.actions.create.objects]
        Resource  = [for b in local.creates[name] : "${local.bucket_arns[b]}/*"]
        Condition = { Null = { "s3:if-none-match" = "false" } }
      },
      {
        Sid       = "CreateParts"
        Effect    = "Allow"
        Action    = [local.actions.create.objects]
        Resource  = [for b in local.creates[name] : "${local.bucket_arns[b]}/*"]
        Condition = { Bool = { "s3:ObjectCreationOperation" = "false" } }
      },
      {
        Sid      = "AbortParts"
        Effect   = "Allow"
        Action   = ["s3:AbortMultipartUpload"]
        Resource = [for b in local.creates[name] : "${local.bucket_arns[b]}/*"]
      },
      {
        Sid      = "ReplaceCheckpoint" # a convenience copy; checkpoints/ has them all
        Effect   = "Allow"
        Action   = [local.actions.create.objects]
        Resource = try(f.signs, false) ? [for b in local.creates[name] : "${local.bucket_arns[b]}/checkpoint"] : []
      },
      {
        Sid      = "KeysOfReads"
        Effect   = "Allow"
        Action   = [local.actions.read.key]
        Resource = local.managed ? [for b in distinct(concat(local.reads[name], local.creates[name])) : module.key[b].arn] : []
      },
      {
        Sid      = "KeysOfCreates"
        Effect   = "Allow"
        Action   = [local.actions.create.key]
        Resource = local.managed ? [for b in local.creates[name] : module.key[b].arn] : []
      },
      {
        Sid      = "KeyOfEnvironment"
        Effect   = "Allow"
        Action   = ["kms:Decrypt"]
        Resource = local.managed ? [module.key["functions"].arn] : []
      },
      {
        Sid      = "KeyOfQueues"
        Effect   = "Allow"
        Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource = local.managed ? [module.key["queues"].arn] : []
      },
      {
        Sid      = "KeyOfTokens"
        Effect   = "Allow"
        Action   = ["kms:Decrypt"]
        Resource = try(f.keys, false) ? [module.key["keyring"].arn] : []
      },
      {
        Sid      = "Sign"
        Effect   = "Allow"
        Action   = ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"]
        Resource = try(f.signs, false) ? [var.ledger.key] : []
      },
      {
        Sid      = "KeyOfSecret"
        Effect   = "Allow"
        Action   = ["kms:Decrypt"]
        Resource = try(f.signs, false) ? local.secret_keys : []
      },
      {
        Sid      = "NoKeyring"
        Effect   = "Deny"
        Action   = ["s3:GetObject"]
        Resource = !try(f.keys, false) && contains(local.reads[name], "exchange") ? ["${local.bucket_arns["exchange"]}/${local.keyring}*"] : [] # its changes are objects beside it
      },
      {
        Sid      = "Publish"
        Effect   = "Allow"
        Action   = ["sns:Publish"]
        Resource = [for t in distinct(concat(contains(keys(local.heard), name) ? ["dead"] : [], try(f.publishes, false) ? [name] : [])) : local.topic_arns[t]]
      },
      {
        Sid      = "Hear"
        Effect   = "Allow"
        Action   = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
        Resource = contains(keys(local.heard), name) ? [local.queue_arns[name]] : []
      },
      {
        Sid      = "Log"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = ["arn:${local.partition}:logs:${var.region}:${local.account}:log-group:/aws/lambda/${var.name}-${name}:*"]
      },
      {
        Sid      = "Trace" # X-Ray knows no resources
        Effect   = "Allow"
        Action   = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
        Resource = var.telemetry.xray ? ["*"] : []
      },
      {
        Sid      = "Interfaces"
        Effect   = "Allow"
        Action   = ["ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface"]
        Resource = local.private ? concat([for s in var.network.subnet_ids : "${local.ec2}:subnet/${s}"], ["${local.ec2}:network-interface/*", "${local.ec2}:security-group/*"]) : []
      },
      {
        Sid      = "LookAtInterfaces" # EC2 knows no resources for it
        Effect   = "Allow"
        Action   = ["ec2:DescribeNetworkInterfaces"]
        Resource = local.private ? ["*"] : []
      },
    ] : s if length(s.Resource) > 0]
  }) }

  ec2 = "arn:${local.partition}:ec2:${var.region}:${local.account}"

  # What functions with the right to reach partners may write, in eight policies
  # of their own: a policy has 6,144 characters at most. Where a partner's
  # destinations are is a matter of its id, so that a new one changes one policy.
  shards = { for i in range(8) : tostring(i) => [for d in local.deliveries : d if parseint(substr(sha1(d.partner), 0, 2), 16) % 8 == i] }

  shard_keys = { for i in keys(local.shards) : i => distinct(flatten([for id, p in local.partners : p.delivery_keys if parseint(substr(sha1(id), 0, 2), 16) % 8 == tonumber(i)])) }

  outer_doors = { for i, deliveries in local.shards : i => jsonencode({
    Version = "2012-10-17"
    Statement = [for s in [
      {
        Sid       = "Create"
        Effect    = "Allow"
        Action    = ["s3:PutObject"]
        Resource  = distinct(compact(deliveries[*].object))
        Condition = { Null = { "s3:if-none-match" = "false" } }
      },
      {
        Sid       = "CreateParts"
        Effect    = "Allow"
        Action    = ["s3:PutObject"]
        Resource  = distinct(compact(deliveries[*].object))
        Condition = { Bool = { "s3:ObjectCreationOperation" = "false" } }
      },
      {
        Sid      = "Recognise" # what was delivered before
        Effect   = "Allow"
        Action   = ["s3:AbortMultipartUpload", "s3:GetObject"]
        Resource = distinct(compact(deliveries[*].object))
      },
      {
        Sid      = "Publish"
        Effect   = "Allow"
        Action   = ["sns:Publish"]
        Resource = distinct(compact(deliveries[*].topic))
      },
      {
        Sid      = "Send"
        Effect   = "Allow"
        Action   = ["sqs:SendMessage"]
        Resource = distinct(compact(deliveries[*].queue))
      },
      {
        Sid      = "Keys"
        Effect   = "Allow"
        Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource = local.shard_keys[i]
      },
    ] : s if length(s.Resource) > 0]
  }) if length(deliveries) > 0 }

  reaches = [for name, f in local.wiring.functions : name if try(f.partners, false)]
}

resource "aws_iam_policy" "outer" {
  for_each = local.outer_doors

  name        = "${var.name}-deliver-${each.key}"
  description = "Destinations of partners"
  policy      = each.value
  tags        = local.labels

  lifecycle {
    precondition {
      condition     = length(each.value) <= 6144
      error_message = "The destinations of the partners that share policy ${each.key} need ${length(each.value)} characters, and a policy has 6144: shorten prefixes, or deploy two exchanges."
    }
  }
}

resource "aws_iam_role_policy_attachment" "outer" {
  for_each = { for pair in setproduct(local.reaches, keys(local.outer_doors)) : "${pair[0]}-${pair[1]}" => { function = pair[0], shard = pair[1] } }

  role       = module.function[each.value.function].role
  policy_arn = aws_iam_policy.outer[each.value.shard].arn
}
