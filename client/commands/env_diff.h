#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rdev::commands {

using Variables = std::map<std::string, std::string>;

// A job's environment as one kind of process sees it.
struct SeenEnvironment {
  std::string who;   // "exec"
  std::string note;  // how it was asked for when not as usual; a sentence, may be empty
  Variables variables;
};

// From entries with a NUL at the end of each; what is no NAME=VALUE is left out.
Variables parse_environment(std::string_view entries);

// A variable that not all see alike.
struct Difference {
  std::string name;
  std::vector<std::optional<std::string>> values;  // in the order of the environments; or unset
};

struct EnvDiff {
  std::vector<Difference> differences;  // by name
  // Variables that differ because they name the session or its user (where the others have none),
  // or are a shell's own notes.
  std::vector<std::string> expected;
  std::size_t same = 0;  // how many variables all see alike
};

EnvDiff compare(const std::vector<SeenEnvironment>& environments);

// By its name: TOKEN, PASS, KEY, SECRET and their like.
bool looks_secret(std::string_view name);
// The values of secrets replaced by "(hidden)", or "(hidden 2)" where they differ.
void mask(EnvDiff& diff);

std::string as_text(const std::vector<SeenEnvironment>& environments, const EnvDiff& diff);
std::string as_json(const std::string& job, const std::vector<SeenEnvironment>& environments,
                    const EnvDiff& diff);

}  // namespace rdev::commands
