#include "client/state/job_record.h"

#include <algorithm>
#include <cctype>
#include <system_error>

#include "client/state/instance_name.h"
#include "client/state/job_json.h"

namespace rdev::state {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxNameBytes = 31;
constexpr std::uintmax_t kLowSpaceBytes = 64U << 10U;

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

Result<void> make_dirs(const Paths& paths, const fs::path& last) {
  if (auto made = base::make_private_dir(paths.state); !made) {
    return made;
  }
  for (const fs::path& dir : {last.parent_path(), last}) {
    if (dir != paths.state) {
      if (auto made = base::make_private_dir(dir); !made) {
        return made;
      }
    }
  }
  return {};
}

// FNV-1a: a short name, nothing that security rests on (the directory is 0700).
std::uint64_t fnv1a(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  }
  return hash;
}

std::string socket_stem(const Paths& paths, const std::string& name) {
  constexpr char kHex[] = "0123456789abcdef";
  std::uint64_t hash = fnv1a(paths.state.string() + "\n" + name);
  std::string text(16, '0');
  for (auto digit = text.rbegin(); digit != text.rend(); ++digit, hash >>= 4U) {
    *digit = kHex[hash & 0xfU];
  }
  return text;
}

}  // namespace

JobRecord instance_of(const JobRecord& record, int rank) {
  JobRecord instance = record;
  instance.name = instance_name(record.name, rank);
  instance.host_public_key = record.instance_keys.at(static_cast<std::size_t>(rank));
  instance.endpoints.clear();
  return instance;
}

JobFiles job_files(const Paths& paths, const std::string& name) {
  const auto parsed = parse_instance_name(name);
  const std::string& job = parsed ? parsed->job : name;
  const fs::path of_job = paths.state / "jobs" / job;
  const fs::path dir = parsed && parsed->rank > 0 ? of_job / std::to_string(parsed->rank) : of_job;
  return {.dir = dir,
          .record = dir / "job.json",
          .key = of_job / "key",
          .known_hosts = dir / "known_hosts",
          .lock = paths.state / "locks" / (job + ".lock"),
          .front_key = of_job / "front_key",
          .front_lock = paths.state / "locks" / (job + ".front.lock")};
}

bool valid_job_name(const std::string& name) {
  return !name.empty() && name.size() <= kMaxNameBytes && is_lower(name[0]) &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return is_lower(c) || is_digit(c) || c == '-'; });
}

std::string job_name_from(const fs::path& directory) {
  std::string name;
  for (const char c : directory.filename().string()) {
    const char lower = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    const bool kept = is_lower(lower) || is_digit(lower);
    if (kept && (!name.empty() || is_lower(lower))) {
      name += lower;
    } else if (!kept && !name.empty() && name.back() != '-') {
      name += '-';
    }
  }
  name.resize(std::min(name.size(), kMaxNameBytes));
  while (!name.empty() && name.back() == '-') {
    name.pop_back();
  }
  return name.empty() ? "job" : name;
}

Result<void> save(const Paths& paths, const JobRecord& record) {
  const JobFiles files = job_files(paths, record.name);
  if (auto made = make_dirs(paths, files.dir); !made) {
    return made;
  }
  auto written = base::write_file_atomic(files.record, to_json(record), 0600);
  std::error_code error;
  if (!written && fs::space(files.dir, error).available < kLowSpaceBytes && !error) {
    written.error().message +=
        " (the disk is nearly full: free some space there, or set RDEV_HOME "
        "to a directory on another one)";
  }
  return written;
}

namespace {

// Of an instance that the job does not have, or of a job that is not there.
Error not_found(const Paths& paths, const std::string& name) {
  const auto parsed = parse_instance_name(name);
  if (parsed && parsed->rank > 0) {
    if (const auto job = load(paths, parsed->job)) {
      const int last = instances_of(*job) - 1;
      return {Code::kNotFound,
              "the job " + parsed->job + " has no instance " + std::to_string(parsed->rank) +
                  (last == 0 ? ": it has one only" : ": 0 to " + std::to_string(last))};
    }
  }
  return {Code::kNotFound,
          "there is no job called " + (parsed ? parsed->job : name) + " (rdev ls shows them)"};
}

}  // namespace

Result<JobRecord> load(const Paths& paths, const std::string& name) {
  const JobFiles files = job_files(paths, name);
  std::error_code error;
  if (!fs::exists(files.record, error) && !error) {
    return tl::make_unexpected(not_found(paths, name));
  }
  const auto text = base::read_file(files.record, kMaxRecordBytes);
  if (!text) {
    return tl::make_unexpected(text.error());
  }
  auto record = parse_job_record(*text);
  if (record && record->name != name) {
    record = fail(Code::kProtocol, "it is of the job " + record->name);
  }
  if (!record) {
    return prefix(files.record.string() + " cannot be used (rdev down " + name + " removes it)",
                  record.error());
  }
  return record;
}

JobList list(const Paths& paths) {
  JobList found;
  std::error_code error;
  fs::directory_iterator it(paths.state / "jobs", error);
  for (; !error && it != fs::directory_iterator(); it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (!valid_job_name(name)) {
      continue;
    }
    auto record = load(paths, name);
    if (record) {
      found.jobs.push_back(std::move(*record));
    } else if (record.error().code == Code::kNotFound) {
      found.orphans.push_back(name);
    } else {
      found.broken.push_back(std::move(record.error()));
    }
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    found.broken.push_back(
        fail_errno("cannot list " + (paths.state / "jobs").string(), error.value()).value());
  }
  std::sort(found.jobs.begin(), found.jobs.end(),
            [](const JobRecord& a, const JobRecord& b) { return a.name < b.name; });
  return found;
}

std::vector<std::string> further_instances(const Paths& paths, const std::string& job) {
  std::vector<int> ranks;
  std::error_code error;
  fs::directory_iterator it(job_files(paths, job).dir, error);
  for (; !error && it != fs::directory_iterator(); it.increment(error)) {
    const auto parsed = parse_instance_name(job + "." + it->path().filename().string());
    if (parsed && parsed->rank > 0) {
      ranks.push_back(parsed->rank);
    }
  }
  std::sort(ranks.begin(), ranks.end());
  std::vector<std::string> names;
  names.reserve(ranks.size());
  for (const int rank : ranks) {
    names.push_back(instance_name(job, rank));
  }
  return names;
}

std::vector<std::string> all_instances(const Paths& paths, const std::string& job) {
  std::vector<std::string> names = further_instances(paths, job);
  names.insert(names.begin(), job);
  return names;
}

std::vector<std::string> list_instances(const Paths& paths) {
  std::vector<std::string> names;
  for (const JobRecord& job : list(paths).jobs) {
    const std::vector<std::string> own = all_instances(paths, job.name);
    names.insert(names.end(), own.begin(), own.end());
  }
  return names;
}

Result<void> remove(const Paths& paths, const std::string& name) {
  const JobFiles files = job_files(paths, name);
  std::error_code error;
  fs::directory_iterator it(files.dir, error);
  for (; !error && it != fs::directory_iterator(); it.increment(error)) {
    if (it->path() != files.record) {
      fs::remove_all(it->path(), error);
    }
  }
  if (!error) {
    fs::remove(files.record, error);
  }
  if (!error) {
    fs::remove(files.dir, error);
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return fail_errno("cannot remove " + files.dir.string(), error.value());
  }
  return {};
}

Result<base::Fd> lock_job(const Paths& paths, const std::string& name, base::LockWait wait) {
  const JobFiles files = job_files(paths, name);
  if (auto made = make_dirs(paths, files.lock.parent_path()); !made) {
    return tl::make_unexpected(made.error());
  }
  auto lock = base::lock_file(files.lock, wait);
  if (!lock && lock.error().code == Code::kExists) {
    return fail(Code::kExists, "another rdev is working on the job " + name);
  }
  return lock;
}

fs::path job_socket(const Paths& paths, const std::string& name) {
  return paths.runtime / (socket_stem(paths, name) + ".sock");
}

BackgroundFiles background_files(const Paths& paths, const std::string& name,
                                 const std::string& kind) {
  const fs::path locks = paths.state / "locks";
  return {.socket = paths.runtime / (socket_stem(paths, name) + "." + kind),
          .lock = locks / (name + "." + kind + ".lock"),
          .starter = locks / (name + "." + kind + "-start.lock"),
          .log = job_files(paths, name).dir / (kind + ".log")};
}

fs::path link_socket(const Paths& paths, const std::string& name) {
  return background_files(paths, name, "link").socket;
}

}  // namespace rdev::state
