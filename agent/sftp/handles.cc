#include "agent/sftp/handles.h"

#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace rdev::sftp {
namespace {

constexpr std::size_t kMost = 1000;
constexpr std::size_t kSpareFds = 16;  // the three, the session's, and what one request needs

std::size_t handle_limit() {
  struct rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
    return kMost;
  }
  return std::clamp<std::size_t>(limit.rlim_cur, kSpareFds + 1, kMost + kSpareFds) - kSpareFds;
}

std::string wire_handle(std::size_t slot, std::uint32_t generation) {
  std::string bytes;
  for (const std::uint32_t part : {static_cast<std::uint32_t>(slot), generation}) {
    for (int shift = 24; shift >= 0; shift -= 8) {
      bytes.push_back(static_cast<char>(part >> shift));
    }
  }
  return bytes;
}

}  // namespace

Handles::Handles() : limit_(handle_limit()) {}

std::string Handles::add(base::Fd file) {
  Slot slot;
  slot.file = std::move(file);
  return add(std::move(slot));
}

std::string Handles::add(DIR* directory) {
  Slot slot;
  slot.directory.reset(directory);
  return add(std::move(slot));
}

std::string Handles::add(Slot slot) {
  if (free_.empty()) {
    free_.push_back(slots_.size());
    slots_.emplace_back();
  }
  const std::size_t index = free_.back();
  free_.pop_back();
  slot.generation = slots_[index].generation + 1;
  slots_[index] = std::move(slot);
  ++open_;
  return wire_handle(index, slots_[index].generation);
}

std::optional<std::size_t> Handles::find(Handle handle) const {
  Reader reader(handle.bytes);
  const std::size_t index = reader.get<std::uint32_t>();
  const auto generation = reader.get<std::uint32_t>();
  if (!reader.good() || !reader.empty() || index >= slots_.size()) {
    return std::nullopt;
  }
  const Slot& slot = slots_[index];
  if (slot.generation != generation || (!slot.file && !slot.directory)) {
    return std::nullopt;
  }
  return index;
}

int Handles::fd(Handle handle) const {
  const auto index = find(handle);
  if (!index) {
    return -1;
  }
  const Slot& slot = slots_[*index];
  return slot.file ? slot.file.get() : ::dirfd(slot.directory.get());
}

DIR* Handles::directory(Handle handle) const {
  const auto index = find(handle);
  return index ? slots_[*index].directory.get() : nullptr;
}

int Handles::close(Handle handle) {
  const auto index = find(handle);
  if (!index) {
    return EBADF;
  }
  Slot& slot = slots_[*index];
  const int failed =
      slot.file ? ::close(slot.file.release()) : ::closedir(slot.directory.release());
  const int error = failed != 0 ? errno : 0;
  free_.push_back(*index);
  --open_;
  return error;
}

}  // namespace rdev::sftp
