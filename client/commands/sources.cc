#include "client/commands/sources.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <memory>
#include <set>

#include "protocol/base/file.h"

namespace rdev::commands {
namespace {

namespace fs = std::filesystem;

struct Place {
  fs::path folder, name;
};

// "." has a name, too.
Result<std::vector<Place>> places_of(const std::vector<std::string>& given) {
  std::vector<Place> places;
  std::set<fs::path> names;
  for (const std::string& one : given) {
    std::error_code error;
    fs::path path = fs::absolute(one, error).lexically_normal();
    if (!path.has_filename()) {
      path = path.parent_path();
    }
    if (error || !fs::exists(path, error)) {
      return fail(Code::kNotFound, "--source: there is no " + one);
    }
    if (!names.insert(path.filename()).second) {
      return fail(Code::kUsage, "--source: two of them are called " + path.filename().string());
    }
    places.push_back({path.parent_path(), path.filename()});
  }
  return places;
}

// A file that is gone with its descriptor.
Result<base::Fd> nameless_file(const state::Paths& paths) {
  if (auto made = base::make_private_dir(paths.state); !made) {
    return tl::make_unexpected(made.error());
  }
  std::string name = (paths.state / "sources.XXXXXX").string();
  base::Fd file(::mkostemp(name.data(), O_CLOEXEC));
  if (!file) {
    return fail_errno("cannot make a file in " + paths.state.string());
  }
  (void)::unlink(name.c_str());
  return file;
}

Result<void> run_tar(const std::vector<Place>& places, const base::Fd& archive) {
  std::vector<std::string> words = {"tar", "-cf", "-"};
  for (const Place& place : places) {
    words.insert(words.end(), {"-C", place.folder.string(), "./" + place.name.string()});
  }
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) {
    argv.push_back(word.data());
  }
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, archive.get(), STDOUT_FILENO);
  pid_t pid = 0;
  const int error = ::posix_spawnp(&pid, "tar", &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    return fail_errno("cannot start tar, which packs the sources", error);
  }
  int status = 0;
  while (::waitpid(pid, &status, 0) == -1 && errno == EINTR) {
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    return fail(Code::kFailed, "tar could not pack the sources");
  }
  return {};
}

Result<std::string> sha256_of(const base::Fd& file) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        EVP_MD_CTX_free);
  if (!context || EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) != 1) {
    return fail(Code::kFailed, "OpenSSL has no SHA-256");
  }
  std::array<char, 65536> buffer{};
  for (;;) {
    const ssize_t got = ::read(file.get(), buffer.data(), buffer.size());
    if (got < 0) {
      return fail_errno("cannot read the packed sources");
    }
    if (got == 0) {
      break;
    }
    EVP_DigestUpdate(context.get(), buffer.data(), static_cast<std::size_t>(got));
  }
  std::array<unsigned char, 32> digest{};
  EVP_DigestFinal_ex(context.get(), digest.data(), nullptr);
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string text;
  for (const unsigned char byte : digest) {
    text += kHex[byte >> 4U];
    text += kHex[byte & 0xfU];
  }
  return text;
}

}  // namespace

Result<Sources> pack_sources(const state::Paths& paths, const std::vector<std::string>& given) {
  const auto places = places_of(given);
  auto archive = places ? nameless_file(paths) : tl::make_unexpected(places.error());
  const auto packed = archive ? run_tar(*places, *archive) : tl::make_unexpected(archive.error());
  if (!packed) {
    return tl::make_unexpected(packed.error());
  }
  const off_t size = ::lseek(archive->get(), 0, SEEK_END);
  (void)::lseek(archive->get(), 0, SEEK_SET);
  auto hash = sha256_of(*archive);
  if (!hash) {
    return tl::make_unexpected(hash.error());
  }
  (void)::lseek(archive->get(), 0, SEEK_SET);
  return Sources{.archive = *std::move(archive),
                 .bytes = static_cast<std::uint64_t>(size),
                 .sha256 = *std::move(hash)};
}

}  // namespace rdev::commands
