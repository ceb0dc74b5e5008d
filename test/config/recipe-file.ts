// The recipe's config file, verbatim: it must load as it stands.

export const RECIPE = `# config.yaml
budget:
  enabled: true
  # Daily cap: $10.00 USD
  daily_limit_cents: 1000
  # Monthly cap: $200.00 USD
  monthly_limit_cents: 20000

  # Alert when spend reaches 80% of cap
  alert_threshold_pct: 80
  alert_webhook: https://monitoring.example.com/budget-alert

  # Action when limit exceeded
  reject_on_exceed: true
  # Optional: graceful degradation (route to cheaper model instead)
  fallback_model_on_exceed: gpt-3.5-turbo

  # Track spend per user (optional)
  per_user_limits:
    enabled: true
    user_limits:
      user-a:
        daily_limit_cents: 300
      user-b:
        daily_limit_cents: 500

providers:
  openai:
    type: openai
    api_key: \${OPENAI_API_KEY}

models:
  gpt-4:
    provider: openai
    estimated_input_cost_per_1k: 3   # cents
    estimated_output_cost_per_1k: 6  # cents

  gpt-3.5-turbo:
    provider: openai
    estimated_input_cost_per_1k: 0.5
    estimated_output_cost_per_1k: 1.5
`;
