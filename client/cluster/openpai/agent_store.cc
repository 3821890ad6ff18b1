#include "client/cluster/openpai/agent_store.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <chrono>

#include "client/cluster/openpai/push.h"
#include "protocol/base/file.h"

namespace rdev::cluster::openpai {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxAgent = 64U << 20U;
constexpr std::chrono::hours kKept{60 * 24};

fs::path store(const state::Paths& paths) { return paths.state / "agents"; }

void touch(const fs::path& file) {
  ::utimensat(AT_FDCWD, file.c_str(), nullptr, 0);  // best effort: an old time costs a copy
}

void throw_away_old(const fs::path& directory) {
  std::error_code error;
  for (const auto& file : fs::directory_iterator(directory, error)) {
    const auto used = file.last_write_time(error);
    if (!error && fs::file_time_type::clock::now() - used > kKept) {
      fs::remove(file.path(), error);
    }
  }
}

}  // namespace

Result<StoredAgent> store_agent(const state::Paths& paths, const fs::path& agent) {
  const auto bytes = base::read_file(agent, kMaxAgent);
  if (!bytes) {
    return tl::make_unexpected(bytes.error());
  }
  auto hash = sha256_of(*bytes);
  if (!hash) {
    return tl::make_unexpected(hash.error());
  }
  const fs::path directory = store(paths);
  if (auto made = base::make_private_dir(directory); !made) {
    return tl::make_unexpected(made.error());
  }
  throw_away_old(directory);
  std::error_code error;
  if (fs::exists(directory / *hash, error)) {
    touch(directory / *hash);
  } else if (auto saved = base::write_file_atomic(directory / *hash, *bytes, 0600); !saved) {
    return tl::make_unexpected(saved.error());
  }
  return StoredAgent{.sha256 = std::move(*hash), .size = bytes->size()};
}

Result<fs::path> find_agent(const state::Paths& paths, const std::string& sha256) {
  fs::path file = store(paths) / sha256;
  std::error_code error;
  if (!fs::exists(file, error)) {
    return fail(Code::kNotFound, "this laptop does not have the agent that the job waits for (" +
                                     sha256.substr(0, 12) +
                                     "…): connect from the one that started it, or rdev down "
                                     "and up again");
  }
  touch(file);
  return file;
}

}  // namespace rdev::cluster::openpai
