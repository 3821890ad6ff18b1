#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "client/storage/store.h"
#include "protocol/base/fd.h"

namespace rdev::storage {

// A folder of this machine that files are written into. What is below it is only reached by
// descriptor, and links are not followed: whatever names a store has, nothing outside is touched.
class LocalFolder final {
 public:
  // Makes it if it is missing; the user's own path may have links in it.
  static Result<std::shared_ptr<LocalFolder>> open(const std::filesystem::path& path);

  // Code::kProtocol for what is no name (is_name), Code::kExists for what is there and no folder.
  Result<std::shared_ptr<LocalFolder>> subfolder(const std::string& name) const;

  const std::filesystem::path& path() const { return path_; }
  int fd() const { return fd_.get(); }

 private:
  LocalFolder(base::Fd fd, std::filesystem::path path)
      : fd_(std::move(fd)), path_(std::move(path)) {}

  base::Fd fd_;
  std::filesystem::path path_;  // for messages
};

// A file that is being fetched: NAME.rdev-part, and NAME.rdev-part-of, which says of which source
// its bytes are. Both are left behind when it is not finished.
class LocalPart final {
 public:
  // With the bytes that are there of this version of the source. Code::kExists: somebody else
  // fetches it.
  static Result<LocalPart> open(std::shared_ptr<LocalFolder> folder, const std::string& name,
                                const Item& source);

  std::uint64_t offset() const { return offset_; }
  // Code::kProtocol for more than the source has.
  Result<void> append(std::string_view bytes);
  // Puts it in place, durably. Code::kClosed while bytes are missing.
  Result<void> finish();

 private:
  LocalPart(std::shared_ptr<LocalFolder> folder, std::string name, std::uint64_t bytes)
      : folder_(std::move(folder)), name_(std::move(name)), bytes_(bytes) {}
  std::string where() const;
  Result<void> start(const Item& source);

  std::shared_ptr<LocalFolder> folder_;
  std::string name_;
  std::uint64_t bytes_;
  std::uint64_t offset_ = 0;
  base::Fd fd_;
};

// A file to send. Its descriptor is open as long as the Upload is there.
struct LocalFile {
  Upload upload;
  // Code::kFailed when the file has been changed since it was opened.
  std::function<Result<void>()> check_unchanged;
};
// Code::kUsage for what is no file.
Result<LocalFile> open_local(const std::filesystem::path& path);

}  // namespace rdev::storage
