// GitHub's device flow through @octokit/auth-oauth-device. The library keeps nothing, so the token goes to LOGINPROOF_STORE.
const fs = require("node:fs");
const { createOAuthDeviceAuth } = require("@octokit/auth-oauth-device");

const auth = createOAuthDeviceAuth({
  clientType: "oauth-app",
  clientId: "loginproof-device",
  scopes: ["read:user"],
  onVerification: ({ verification_uri, user_code }) => console.log(`Open ${verification_uri}\nEnter ${user_code}`),
});
auth({ type: "oauth" }).then(
  ({ token }) => {
    fs.writeFileSync(process.env.LOGINPROOF_STORE, JSON.stringify({ access_token: token }), { mode: 0o600 });
    console.log("Signed in.");
  },
  (error) => {
    console.error(`error: ${error.message}`);
    process.exitCode = 1;
  },
);
