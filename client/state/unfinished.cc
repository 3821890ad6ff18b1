#include "client/state/unfinished.h"

#include <system_error>

#include "client/state/job_json.h"

namespace rdev::state {
namespace {

namespace fs = std::filesystem;

fs::path directory(const Paths& paths) { return paths.state / "unfinished"; }

}  // namespace

Result<void> add_unfinished(const Paths& paths, const JobRecord& record) {
  for (const fs::path& made : {paths.state, directory(paths)}) {
    if (auto done = base::make_private_dir(made); !done) {
      return done;
    }
  }
  return base::write_file_atomic(directory(paths) / (record.id + ".json"), to_json(record), 0600);
}

std::vector<JobRecord> list_unfinished(const Paths& paths) {
  std::vector<JobRecord> found;
  std::error_code error;
  fs::directory_iterator it(directory(paths), error);
  for (; !error && it != fs::directory_iterator(); it.increment(error)) {
    const auto text = base::read_file(it->path(), kMaxRecordBytes);
    auto record = text ? parse_job_record(*text) : tl::make_unexpected(text.error());
    if (record) {
      found.push_back(std::move(*record));
    } else {
      std::error_code ignored;
      fs::remove(it->path(), ignored);
    }
  }
  return found;
}

void remove_unfinished(const Paths& paths, const std::string& id) {
  std::error_code ignored;
  fs::remove(directory(paths) / (id + ".json"), ignored);
}

}  // namespace rdev::state
