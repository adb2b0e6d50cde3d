# A Lambda with an identity of its own, woken by one queue, or by requests only. Only
# messages that it names as failed come again.

resource "aws_iam_role" "this" {
  name = var.name
  tags = var.labels

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "this" {
  name   = "doors"
  role   = aws_iam_role.this.name
  policy = var.policy
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/aws/lambda/${var.name}"
  retention_in_days = var.log_days
  tags              = var.labels
}

resource "aws_lambda_function" "this" {
  function_name    = var.name
  description      = var.description
  role             = aws_iam_role.this.arn
  runtime          = "provided.al2023"
  architectures    = ["arm64"]
  handler          = "bootstrap"
  filename         = var.package.file
  source_code_hash = var.package.hash
  memory_size      = var.size.memory
  timeout          = var.size.timeout
  kms_key_arn      = var.encryption.kms ? var.encryption.key : null
  tags             = var.labels

  reserved_concurrent_executions = var.concurrency.queue + var.concurrency.extra

  environment {
    variables = var.environment
  }

  ephemeral_storage {
    size = var.size.disk
  }

  logging_config {
    log_format = "Text" # lines are JSON already
    log_group  = aws_cloudwatch_log_group.this.name
  }

  tracing_config {
    mode = var.xray ? "Active" : "PassThrough"
  }

  dynamic "vpc_config" {
    for_each = length(var.network.subnet_ids) > 0 ? [true] : []

    content {
      subnet_ids         = var.network.subnet_ids
      security_group_ids = var.network.security_group_ids
    }
  }

  depends_on = [aws_iam_role_policy.this]
}

resource "aws_lambda_event_source_mapping" "this" {
  count = var.queue == null ? 0 : 1

  function_name           = aws_lambda_function.this.arn
  event_source_arn        = var.queue.arn
  batch_size              = var.queue.batch
  function_response_types = ["ReportBatchItemFailures"]
  tags                    = var.labels

  maximum_batching_window_in_seconds = var.queue.window

  scaling_config {
    maximum_concurrency = var.concurrency.queue
  }
}

moved {
  from = aws_lambda_event_source_mapping.this
  to   = aws_lambda_event_source_mapping.this[0]
}
