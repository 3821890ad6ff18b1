#include "agent/scp/sink.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "protocol/base/fd.h"

namespace rdev::scp {
namespace {

std::string why(const std::string& path, const char* doing = "") {
  return path + ": " + doing + std::strerror(errno);
}

mode_t current_umask() {
  const mode_t mask = ::umask(0);
  ::umask(mask);
  return mask;
}

// The first problem is the one to tell.
void note(std::string& problem, std::string what) {
  if (problem.empty()) {
    problem = std::move(what);
  }
}

bool set_times(const std::string& path, const TimesRecord& times) {
  const timespec both[2] = {
      {.tv_sec = times.accessed_s, .tv_nsec = static_cast<long>(times.accessed_us) * 1000},
      {.tv_sec = times.modified_s, .tv_nsec = static_cast<long>(times.modified_us) * 1000}};
  return ::utimensat(AT_FDCWD, path.c_str(), both, 0) == 0;
}

}  // namespace

Sink::Sink(Peer& peer, SinkOptions options)
    : peer_(peer), options_(options), umask_(current_umask()) {}

Result<void> Sink::receive(std::string target) {
  struct stat status{};
  const bool exists = ::stat(target.c_str(), &status) == 0;
  if (options_.into_directory && (!exists || !S_ISDIR(status.st_mode))) {
    errno = exists ? ENOTDIR : errno;
    return fail(Code::kNotFound, why(target));
  }
  levels_.push_back({.path = std::move(target), .is_directory = exists && S_ISDIR(status.st_mode)});
  if (auto sent = peer_.accept(); !sent) {
    return sent;
  }
  for (;;) {
    const auto line = peer_.line();
    if (!line) {
      return tl::make_unexpected(line.error());
    }
    if (!*line) {
      return {};
    }
    const auto record = parse_record(**line);
    if (!record) {
      return tl::make_unexpected(record.error());
    }
    const auto more = obey(*record);
    if (!more) {
      return tl::make_unexpected(more.error());
    }
    if (!*more) {
      return {};
    }
  }
}

Result<bool> Sink::obey(const Record& record) {
  Result<void> done;
  if (const auto* file = std::get_if<FileRecord>(&record)) {
    done = take_file(*file);
    times_.reset();
  } else if (const auto* directory = std::get_if<DirectoryRecord>(&record)) {
    done = enter(*directory);
    times_.reset();
  } else if (const auto* times = std::get_if<TimesRecord>(&record)) {
    times_ = *times;
    done = peer_.accept();
  } else if (const auto* error = std::get_if<ErrorRecord>(&record)) {
    peer_.count_error();
    return !error->fatal;
  } else {
    return leave();
  }
  return done ? Result<bool>(true) : tl::make_unexpected(done.error());
}

std::string Sink::place_of(const std::string& name) const {
  const Level& level = levels_.back();
  if (!level.is_directory) {
    return level.path;
  }
  return (level.path.ends_with('/') ? level.path : level.path + '/') + name;
}

// Without -p no file becomes one that runs as somebody else.
mode_t Sink::mode_of(mode_t told) const {
  return options_.preserve ? told : told & 0777U & ~umask_;
}

Result<void> Sink::take_file(const FileRecord& record) {
  const std::string path = place_of(record.name);
  struct stat before{};
  const bool exists = ::stat(path.c_str(), &before) == 0;
  const mode_t mode = mode_of(record.mode);
  // A file that its owner may not write is made so when it is complete.
  base::Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, mode | S_IWUSR));
  if (!fd) {
    return peer_.complain(why(path));
  }
  if (auto sent = peer_.accept(); !sent) {
    return sent;
  }
  std::string problem;
  if (auto taken = take_bytes(fd.get(), record.size, problem); !taken) {
    return taken;
  }
  if (!problem.empty()) {
    problem = path + ": " + problem;
  } else if ((!exists || S_ISREG(before.st_mode)) &&
             ::ftruncate(fd.get(), static_cast<off_t>(record.size)) != 0) {
    problem = why(path, "truncate: ");
  }
  if ((options_.preserve || (!exists && (mode & S_IWUSR) == 0)) && ::fchmod(fd.get(), mode) != 0) {
    note(problem, why(path, "set mode: "));
  }
  if (::close(fd.release()) != 0) {
    note(problem, why(path, "close: "));
  }
  // What the client has to say of its reading; it has been counted.
  const auto complete = peer_.accepted();
  if (!complete) {
    return tl::make_unexpected(complete.error());
  }
  if (times_ && problem.empty() && !set_times(path, *times_)) {
    problem = why(path, "set times: ");
  }
  return problem.empty() ? peer_.accept() : peer_.complain(problem);
}

// Takes all that was announced, also when it cannot be written.
Result<void> Sink::take_bytes(int fd, std::uint64_t size, std::string& problem) {
  while (size > 0) {
    const auto bytes =
        peer_.some(static_cast<std::size_t>(std::min<std::uint64_t>(size, SIZE_MAX)));
    if (!bytes) {
      return tl::make_unexpected(bytes.error());
    }
    if (bytes->empty()) {
      return fail(Code::kClosed, "lost connection");
    }
    size -= bytes->size();
    for (auto rest = *bytes; problem.empty() && !rest.empty();) {
      const ssize_t n = ::write(fd, rest.data(), rest.size());
      if (n >= 0) {
        rest.remove_prefix(static_cast<std::size_t>(n));
      } else if (errno != EINTR) {
        problem = std::strerror(errno);
      }
    }
  }
  return {};
}

Result<void> Sink::enter(const DirectoryRecord& record) {
  if (!options_.recursive) {
    return fail(Code::kProtocol, "protocol error: received directory without -r");
  }
  Level level{.path = place_of(record.name), .is_directory = true, .times = times_, .mode = {}};
  const mode_t mode = mode_of(record.mode);
  struct stat before{};
  if (::stat(level.path.c_str(), &before) == 0) {
    if (!S_ISDIR(before.st_mode)) {
      errno = ENOTDIR;
      return peer_.complain(why(level.path));
    }
    if (options_.preserve) {
      level.mode = mode;
    }
  } else if (::mkdir(level.path.c_str(), mode | S_IRWXU) != 0) {
    return peer_.complain(why(level.path));
  } else if (options_.preserve || (mode & S_IRWXU) != S_IRWXU) {
    level.mode = mode;  // else it is so already, with the S_ISGID of the one above it
  }
  levels_.push_back(std::move(level));
  return peer_.accept();
}

Result<bool> Sink::leave() {
  const Level level = std::move(levels_.back());
  levels_.pop_back();
  // As OpenSSH's: the files are there, and for these the protocol has no answer of its own.
  if (level.times && !set_times(level.path, *level.times)) {
    peer_.count_error();
  }
  if (level.mode && ::chmod(level.path.c_str(), *level.mode) != 0) {
    peer_.count_error();
  }
  if (auto sent = peer_.accept(); !sent) {
    return tl::make_unexpected(sent.error());
  }
  return !levels_.empty();
}

}  // namespace rdev::scp
