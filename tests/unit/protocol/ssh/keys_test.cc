#include "protocol/ssh/keys.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>
#include <cstdio>
#include <filesystem>

#include "protocol/base/file.h"
#include "protocol/ssh/base64.h"

namespace rdev::ssh {
namespace {

// RFC 8032 section 7.1, test 1.
constexpr Seed kSeed{0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a,
                     0xf4, 0x92, 0xec, 0x2c, 0xc4, 0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32,
                     0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60};
constexpr unsigned char kPublic[] = {
    0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5, 0x4b, 0xfe, 0xd3, 0xc9, 0x64, 0x07, 0x3a,
    0x0e, 0xe1, 0x72, 0xf3, 0xda, 0xa6, 0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a};

class Keygen : public testing::Test {
 protected:
  ~Keygen() override { std::filesystem::remove_all(dir); }
  // What ssh-keygen prints on standard output.
  static std::string run(const std::string& arguments) {
    std::string out;
    FILE* pipe = ::popen(("ssh-keygen " + arguments + " 2>&1").c_str(), "r");
    if (pipe == nullptr) {
      return "ssh-keygen did not start";
    }
    char buffer[4096];
    for (std::size_t n = 0; (n = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) {
      out.append(buffer, n);
    }
    ::pclose(pipe);
    return out;
  }
  std::string file(const std::string& name) { return (dir / name).string(); }

  std::string pattern = (std::filesystem::temp_directory_path() / "keysXXXXXX").string();
  std::filesystem::path dir = ::mkdtemp(pattern.data());
};

TEST(PrivateKey, DerivesThePublicHalfOfRfc8032) {
  const PrivateKey key = PrivateKey::from_seed(kSeed).value();
  const std::string& blob = key.public_key().blob();
  EXPECT_EQ(blob.substr(blob.size() - 32),
            std::string_view(reinterpret_cast<const char*>(kPublic), 32));
  EXPECT_EQ(key.public_key().algorithm(), "ssh-ed25519");
}

TEST(PrivateKey, ComesBackFromItsText) {
  const PrivateKey key = PrivateKey::generate();
  const auto back = PrivateKey::parse(key.pem("me@there"));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->public_key(), key.public_key());
  EXPECT_NE(PrivateKey::generate().public_key(), key.public_key());
}

TEST_F(Keygen, ReadsOurPrivateKeyAndAgrees) {
  const PrivateKey key = PrivateKey::from_seed(kSeed).value();
  ASSERT_TRUE(base::write_file_atomic(file("id"), key.pem("a comment"), 0600));
  EXPECT_EQ(run("-y -f " + file("id")), key.public_key().text() + " a comment\n");
  const std::string listed = run("-l -f " + file("id"));
  EXPECT_NE(listed.find(" " + key.public_key().fingerprint() + " "), std::string::npos) << listed;
}

TEST_F(Keygen, WritesKeysThatWeRead) {
  run("-q -t ed25519 -N '' -C 'its comment' -f " + file("id"));
  const auto key = PrivateKey::parse(base::read_file(file("id"), 10000).value());
  ASSERT_TRUE(key) << key.error().message;
  const auto line = base::read_file(file("id.pub"), 10000).value();
  EXPECT_EQ(line, key->public_key().text() + " its comment\n");
}

TEST_F(Keygen, FingerprintsOfEveryTypeAgree) {
  for (const std::string type : {"ed25519", "rsa", "ecdsa"}) {
    run("-q -t " + type + " -N '' -f " + file(type));
    const auto key = PublicKey::parse(base::read_file(file(type + ".pub"), 10000).value());
    ASSERT_TRUE(key) << type;
    const std::string listed = run("-l -f " + file(type));
    EXPECT_NE(listed.find(" " + key->fingerprint() + " "), std::string::npos) << listed;
  }
}

TEST_F(Keygen, OtherPrivateKeysAreRefusedWithAReason) {
  run("-q -t ed25519 -N secret -f " + file("encrypted"));
  run("-q -t rsa -N '' -f " + file("rsa"));
  const auto encrypted = PrivateKey::parse(base::read_file(file("encrypted"), 10000).value());
  EXPECT_NE(encrypted.error().message.find("encrypted"), std::string::npos);
  EXPECT_EQ(PrivateKey::parse(base::read_file(file("rsa"), 10000).value()).error().code,
            Code::kUsage);
}

TEST(PrivateKey, EveryTruncationIsRefused) {
  const std::string pem = PrivateKey::from_seed(kSeed)->pem("c");
  for (std::size_t size = 0; size + 1 < pem.size(); ++size) {
    EXPECT_FALSE(PrivateKey::parse(std::string_view(pem).substr(0, size))) << size;
  }
}

TEST(PublicKey, RefusesWhatIsNoKey) {
  const std::string good = PrivateKey::from_seed(kSeed)->public_key().text();
  EXPECT_TRUE(PublicKey::parse(good));
  EXPECT_TRUE(PublicKey::parse("  " + good + " comment with blanks \r"));
  for (const std::string& bad :
       {std::string(), std::string("ssh-ed25519"), std::string("ssh-ed25519 !!!!"),
        std::string("ssh-ed25519 AAAA"), "command=\"x\" " + good, "ssh-rsa" + good.substr(11)}) {
    EXPECT_EQ(PublicKey::parse(bad).error().code, Code::kUsage) << bad;
  }
}

TEST(InstanceSeed, IsHkdfOfTheJobsSeed) {
  Seed job;
  for (std::size_t i = 0; i < job.size(); ++i) {
    job[i] = static_cast<std::uint8_t>(i);
  }
  const auto hex = [](const Seed& seed) {
    std::string text;
    for (const std::uint8_t byte : seed) {
      text += "0123456789abcdef"[byte >> 4U];
      text += "0123456789abcdef"[byte & 15U];
    }
    return text;
  };
  // By HMAC-SHA256 of another library.
  EXPECT_EQ(hex(instance_seed(job, 0)),
            "5c8b36706f541d60be2a2faa99c71cf13867d4497ad86913f85039bd7ae8ca36");
  EXPECT_EQ(hex(instance_seed(job, 2)),
            "891d467aefcee5a154f1e458f6c9e172179a5a9237b21d74d170ef5b26dfbf8a");
  EXPECT_EQ(hex(instance_seed(job, 10)),
            "d7658597e4341224ffbe53bedd3315c3dab07ccc1eb019988fab6033f4710e50");
}

TEST(AuthorizedKeys, SkipsCommentsAndNamesTheBadLine) {
  const std::string key = PrivateKey::from_seed(kSeed)->public_key().text();
  const auto keys = parse_authorized_keys("# mine\n\n" + key + " a\r\n  " + key);
  ASSERT_TRUE(keys);
  EXPECT_EQ(keys->size(), 2u);
  EXPECT_TRUE(parse_authorized_keys("")->empty());
  const auto bad = parse_authorized_keys(key + "\nnonsense\n");
  EXPECT_EQ(bad.error().message.substr(0, 6), "line 2");
}

TEST(Base64, RoundTripAndStrictness) {
  for (std::size_t size = 0; size < 20; ++size) {
    const std::string bytes(size, '\xfb');
    EXPECT_EQ(unbase64(base64(bytes)), bytes);
  }
  for (const char* bad : {"a", "ab=", "====", "a===", "ab\ncd", "=aaa", "aa=a", " aaa"}) {
    EXPECT_EQ(unbase64(bad), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace rdev::ssh
