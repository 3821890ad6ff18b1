#include "client/state/tokens.h"

#include <system_error>

#include "protocol/base/file.h"

namespace rdev::state {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxBytes = 64U << 10U;

fs::path token_file(const Paths& paths, const std::string& cluster) {
  return paths.state / "tokens" / cluster;
}

}  // namespace

Result<void> save_token(const Paths& paths, const std::string& cluster, const std::string& token) {
  const fs::path file = token_file(paths, cluster);
  for (const fs::path& made : {paths.state, file.parent_path()}) {
    if (auto done = base::make_private_dir(made); !done) {
      return done;
    }
  }
  return base::write_file_atomic(file, token + "\n", 0600);
}

Result<std::string> load_token(const Paths& paths, const std::string& cluster) {
  auto token = base::read_file(token_file(paths, cluster), kMaxBytes);
  while (token && !token->empty() && (token->back() == '\n' || token->back() == ' ')) {
    token->pop_back();
  }
  return token;
}

Result<void> remove_token(const Paths& paths, const std::string& cluster) {
  std::error_code error;
  const fs::path file = token_file(paths, cluster);
  fs::remove(file, error);
  if (error) {
    return fail_errno("cannot remove " + file.string(), error.value());
  }
  return {};
}

}  // namespace rdev::state
