// Reads a report of npm audit: npm-report.mjs LEVEL FILE. It ends with 0: nothing of that level or above; 1: something;
// 2: this is no report.
import { readFileSync } from "node:fs";

const levels = ["info", "low", "moderate", "high", "critical"];
const [level, file] = process.argv.slice(2);

function read() {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return {};
  }
}

const { auditReportVersion, vulnerabilities } = read();
if (auditReportVersion !== 2 || typeof vulnerabilities !== "object") process.exit(2);
const bad = Object.values(vulnerabilities).filter((v) => levels.indexOf(v.severity) >= levels.indexOf(level));
for (const v of bad) {
  const why = v.via.map((cause) => (typeof cause === "string" ? `by way of ${cause}` : `${cause.title} (${cause.url})`));
  console.log(`${v.name} ${v.range}: ${v.severity}: ${why.join("; ")}`);
}
if (bad.length === 0) console.log(`Nothing of level ${level} or above is known.`);
process.exit(bad.length > 0 ? 1 : 0);
