// framemill keys: keys of daemons and tokens of people.
#include <fmt/format.h>

#include <algorithm>
#include <ostream>

#include "base/key_files.h"
#include "base/sha256.h"
#include "cli/key_files.h"
#include "cli/verbs/verbs.h"

namespace framemill::cli {
namespace {

struct TokenOptions {
  std::string principal, role = "artist", out;
};

base::Result<ExitCode> make_curve(const std::string& path, Session& session) {
  FM_ASSIGN(const std::string line, make_curve_key_files(path));
  if (session.json())
    session.print_json(json::object{{"secret", path}, {"public", path + ".pub"}, {"line", line}});
  else
    session.out() << line;
  return ExitCode::Ok;
}

base::Result<ExitCode> show(const std::string& path, Session& session) {
  FM_ASSIGN(const std::string lines, public_lines_of(path));
  if (session.json())
    session.print_json(json::object{{"file", path}, {"lines", printable(lines, LineBreaks::Keep)}});
  else
    session.out() << printable(lines, LineBreaks::Keep);
  return ExitCode::Ok;
}

// A principal stands in TOML, in records and in logs: letters, digits and a few marks.
bool good_principal(const std::string& name) {
  return !name.empty() && name.size() <= 100 && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || std::string_view("-_.@+").find(static_cast<char>(c)) != std::string_view::npos;
  });
}

base::Result<ExitCode> make_token_file(const TokenOptions& options, Session& session) {
  if (!good_principal(options.principal))
    return base::Error{"usage.principal", "a principal has letters, digits and -_.@+", "--principal",
                       "write --principal ana"};
  if (options.role != "viewer" && options.role != "artist" && options.role != "admin")
    return base::Error{"usage.role", fmt::format("unknown role '{}'", options.role), "--role",
                       "viewer, artist or admin"};
  const std::string token = make_token();
  FM_TRY(base::write_new_file(options.out, token + "\n", 0600));
  const std::string digest = base::sha256(token).hex();
  std::string entry = fmt::format("[[token]]\nprincipal = \"{}\"\nrole = \"{}\"\nsha256 = \"{}\"\n", options.principal,
                                  options.role, digest);
  if (session.json()) {
    session.print_json(json::object{{"file", options.out},
                                    {"principal", options.principal},
                                    {"role", options.role},
                                    {"sha256", digest},
                                    {"entry", entry}});
  } else {
    session.out() << entry << std::flush;
    session.err() << fmt::format("{} holds the token; append the lines above to the scheduler's tokens.toml\n",
                                 options.out);
  }
  return ExitCode::Ok;
}

void declare_token(Arguments& keys) {
  auto options = std::make_shared<TokenOptions>();
  Arguments verb = keys.verb("token", "Make a bearer token for a person or a program",
                             "framemill keys token --principal ana --role artist --out ana.token >> tokens.toml");
  verb.required_option("--principal", options->principal, "NAME", "Owner; recorded in the audit log");
  verb.option("--role", options->role, "ROLE", "viewer, artist (the default) or admin");
  verb.required_option("--out", options->out, "FILE", "File for the token, mode 0600; never printed");
  verb.run([options](Session& session) { return make_token_file(*options, session); });
}

}  // namespace

void declare_keys(Arguments& program) {
  Arguments keys = program.group(
      "keys", "Make keys for daemons and tokens for people",
      "framemill keys curve worker.key\n  framemill keys token --principal ana --role artist --out ana.token");
  auto path = std::make_shared<std::string>();
  Arguments curve =
      keys.verb("curve", "Make a CURVE key pair: FILE (0600) and FILE.pub", "framemill keys curve w1.key");
  curve.positional("FILE", *path, "File for the secret key; never overwrites a file");
  curve.run([path](Session& session) { return make_curve(*path, session); });

  auto shown = std::make_shared<std::string>();
  Arguments public_key =
      keys.verb("public", "Print the public key of a key file", "framemill keys public w1.key >> workers.keys");
  public_key.positional("FILE", *shown, "A secret or a public key file");
  public_key.run([shown](Session& session) { return show(*shown, session); });
  declare_token(keys);
}

}  // namespace framemill::cli
