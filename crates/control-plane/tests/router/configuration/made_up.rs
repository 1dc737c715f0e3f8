//! Configurations by chance, from a seed: everything that a document can say, in any mixture.

use serde_json::{Value, json};

const P256_PEM: &str = include_str!("../../../src/app/key_material/samples/p256.pem");

/// Numbers that a seed repeats.
pub struct Dice(u64);

impl Dice {
    pub const fn of(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below another.
    pub fn below(&mut self, end: u64) -> u64 {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % end
    }

    fn is(&mut self) -> bool {
        self.below(2) == 0
    }

    fn moment(&mut self) -> Value {
        format!(
            "20{}-0{}-1{}T00:00:00.00{}Z",
            28 + self.below(9),
            1 + self.below(9),
            self.below(9),
            self.below(9)
        )
        .into()
    }

    fn text(&mut self) -> Value {
        let texts = [
            "plain",
            "no",
            "a: b",
            "- a\n- b",
            "ünïcødé 🦀",
            "# remark",
            "\ttab",
            "1.10",
            "'quoted'",
            "~",
        ];
        texts[usize::try_from(self.below(10)).unwrap()].into()
    }
}

/// A configuration whose records have no ids yet.
pub fn configuration(dice: &mut Dice) -> Value {
    let policies: Vec<Value> = (0..1 + dice.below(3))
        .map(|number| policy(dice, number))
        .collect();
    let collections: Vec<Value> = (0..1 + dice.below(4))
        .map(|number| collection(dice, number))
        .collect();
    let clients: Vec<Value> = (0..dice.below(6))
        .map(|number| client(dice, number, &policies, &collections))
        .collect();
    json!({"policies": policies, "collections": collections, "clients": clients})
}

fn policy(dice: &mut Dice, number: u64) -> Value {
    let mut policy = json!({"name": format!("policy {number}")});
    if dice.is() {
        policy["rate_limit"] = json!({"requests": 1 + dice.below(100), "per": "minute"});
        if dice.is() {
            policy["rate_limit"]["burst"] = (1 + dice.below(9)).into();
        }
    }
    if dice.is() {
        policy["quota"] = json!({"requests": 1 + dice.below(100), "per": "month"});
    }
    if dice.is() {
        policy["description"] = dice.text();
    }
    policy
}

fn collection(dice: &mut Dice, number: u64) -> Value {
    let endpoints: Vec<_> = (0..dice.below(4))
        .map(|place| {
            let mut endpoint =
                json!({"method": "GET", "path": format!("/{number}/{place}/{{id}}")});
            if dice.is() {
                endpoint["host"] = "api.example.com".into();
            }
            if dice.is() {
                endpoint["enabled"] = false.into();
            }
            endpoint
        })
        .collect();
    json!({"name": format!("collection {}", number / 2), "version": format!("{}", number % 2),
        "endpoints": endpoints, "public": dice.is(), "allows_dubious_paths": dice.is()})
}

fn client(dice: &mut Dice, number: u64, policies: &[Value], collections: &[Value]) -> Value {
    let profiles: Vec<_> = (0..dice.below(4))
        .map(|place| profile(dice, (number, place), policies, collections))
        .collect();
    let mut client = json!({"name": format!("client {number}"), "enabled": dice.is(), "access_profiles": profiles});
    if dice.is() {
        client["description"] = dice.text();
    }
    client
}

fn profile(dice: &mut Dice, place: (u64, u64), policies: &[Value], collections: &[Value]) -> Value {
    let first = dice.below(collections.len() as u64);
    let granted = collections
        .iter()
        .skip(usize::try_from(first).unwrap())
        .take(2);
    let label = |it: &Value| {
        format!(
            "{} {}",
            it["name"].as_str().unwrap(),
            it["version"].as_str().unwrap()
        )
    };
    let mut profile = json!({
        "name": format!("profile {}", place.1),
        "collections": granted.map(label).collect::<Vec<_>>(),
        "enabled": dice.is(), "observe": dice.is(),
    });
    if dice.is() {
        profile["policy"] = policies[0]["name"].clone();
    }
    if dice.is() {
        profile["addresses"] =
            json!({"allow": ["10.0.0.0/8", "2001:db8::/32"], "deny": ["10.0.0.7"]});
    }
    if dice.is() {
        profile["expires_at"] = dice.moment();
    }
    match dice.below(5) {
        0..2 => profile["keys"] = keys(dice, place),
        2 => {}
        which => {
            profile["access_method"] = "jwt".into();
            profile["jwt"] = jwt(dice, which, place);
        }
    }
    profile
}

fn keys(dice: &mut Dice, (client, place): (u64, u64)) -> Value {
    let mut keys = Vec::new();
    for number in 0..dice.below(3) {
        let digest = format!("{client:016x}{place:016x}{number:032x}");
        let mut key = json!({"digest": digest, "imported": dice.is()});
        if dice.is() {
            key["id"] = format!("{client:04}{place:04}{number:04}").into();
        }
        for end in ["expires_at", "deprecated_at", "revoked_at"] {
            if dice.below(3) == 0 {
                key[end] = dice.moment();
            }
        }
        keys.push(key);
    }
    keys.into()
}

fn jwt(dice: &mut Dice, which: u64, (client, place): (u64, u64)) -> Value {
    let mut jwt = match (which, dice.below(2)) {
        (3, _) => {
            json!({"algorithm": "HS256", "secret": {"value": format!("{client:020}-{place:020}")}})
        }
        (_, 0) => json!({"algorithm": "ES256", "key": P256_PEM}),
        (_, _) => json!({"algorithm": "RS256", "discover_from": "https://id.example.com"}),
    };
    if dice.is() {
        jwt["identity"] =
            json!({"issuer": "https://id.example.com", "client": format!("{client}-{place}")});
    }
    if dice.is() {
        jwt["issuers"] = json!(["https://id.example.com"]);
        jwt["required_claims"] = json!({"scope": "orders", "a/b~c": null});
    }
    if dice.is() {
        jwt["max_lifetime_s"] = 600.into();
        jwt["allows_no_expiry"] = true.into();
    }
    jwt
}
