// What AWS's index.mjs does at its end, for version 3 of the client as npm has it (version 4 does it by itself).
const { run } = await import(`${process.env.LAMBDA_RUNTIME_DIR}/index.mjs`);
await run(process.env.LAMBDA_TASK_ROOT, process.env._HANDLER);
