// The recipe's configuration as a user would adapt it to a test: another address for the provider
// and the webhook, data in a folder of its own.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const RECIPE_FILE = fileURLToPath(new URL('../../../fixtures/recipe.yaml', import.meta.url));

export interface RecipeChanges {
  readonly folder: string;
  readonly providerUrl: string;
  readonly webhookUrl?: string;
  readonly perUserLimits?: boolean;
  readonly fallback?: boolean;
}

export function recipe(changes: RecipeChanges): string {
  let text = readFileSync(RECIPE_FILE, 'utf8');
  const replace = (from: string, to: string): void => {
    if (!text.includes(from)) throw new Error(`the recipe has no line ${from}`);
    text = text.replace(from, to);
  };
  replace('type: openai', `type: openai\n    base_url: ${changes.providerUrl}/v1`);
  if (changes.webhookUrl === undefined)
    replace('  alert_webhook: https', '  # alert_webhook: https');
  else replace('https://monitoring.example.com/budget-alert', changes.webhookUrl);
  if (changes.perUserLimits === false) {
    replace('per_user_limits:\n    enabled: true', 'per_user_limits:\n    enabled: false');
  }
  if (changes.fallback === false)
    replace('  fallback_model_on_exceed', '  # fallback_model_on_exceed');
  const alerts = `alerts:\n  log_file: ${changes.folder}/alerts.log\n`;
  return `${text}\nstorage:\n  path: ${changes.folder}/data\n${alerts}`;
}
