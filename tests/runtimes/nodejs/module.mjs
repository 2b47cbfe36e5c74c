// An ES module that takes its SDK from the runtime.
import { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";

export const handler = async (event) => ({ sdk: typeof SecretsManagerClient, event });
