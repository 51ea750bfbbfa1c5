"""What a request for help with harm looks like, by category, and what makes it harmless: a process
is killed, a photo shot, a bath bomb made, somebody wants to be protected.

These are words, not understanding. A harmful request that avoids them passes, and so does one in
another language, in code words, or dressed up as a story; a harmless one that happens to be worded
like a harmful one is lost. The table of `tests/data/test_safety.py` says how often, for its rows.
"""

from __future__ import annotations

from miniclaude.data.safety_requests import WANTING, Rule, request, rule

RELATIVES = """
wife husband spouse ex boss neighbor neighbour neighbors neighbours mother father mom dad parents
stepmother stepfather teacher coworker colleague roommate brother sister baby kid kids son daughter
child children classmate classmates friend girlfriend boyfriend partner grandmother grandfather
uncle aunt landlord rival family
"""
STRANGERS = """
person man woman human guy girl boy kid baby infant cop policeman politician president senator judge
witness stranger teacher student prisoner child toddler
"""
PERSONS = " ".join(
    ["someone", "somebody", "people", "humans", "civilians", "person"]
    + [f"{whose}_{one}" for whose in ("my", "his", "her", "their") for one in RELATIVES.split()]
    + [f"{which}_{one}" for which in ("a", "an", "another", "the") for one in STRANGERS.split()]
)
FICTION = """
story novel scene character characters plot screenplay movie film book books series episode season
mystery poem lyrics song game games video_game minecraft fortnite gta rpg d&d dnd npc sims chess
costume prop props monopoly play_money
"""
PROTECTION = """
prevent* protect* defend* detect* avoid* recogni* spot identify stop against remov* report* aware*
safety safe safely warn* history historical law laws legal why_do why_did why_is signs_of symptom*
treat treatment antidote authorized ethical penetration_test* ctf my_own museum
"""
MAKING = """
make making build building construct assemble create mix cook cooking produce synthesize synthesise
synthesizing cultivate weaponize manufacture print 3d_print brew extract
"""
CHILDREN = """
child children minor minors underage kid kids toddler preteen preteens schoolgirl schoolgirls
schoolboy teen teens teenage teenager year_old year-old
"""
SEXUAL = "porn pornography pornographic nude nudes naked sexual sexually erotic erotica sex sexy"

RULES: tuple[Rule, ...] = (
    rule(
        "weapons",
        [
            request(
                MAKING + " detonate set_off plant smuggle buy get",
                """bomb bombs explosive explosives ied ieds molotov molotovs molotov_cocktail napalm
                grenade grenades thermite nerve_agent nerve_gas sarin vx_gas ricin anthrax
                mustard_gas chemical_weapon chemical_weapons biological_weapon bioweapon ghost_gun
                ghost_guns untraceable_gun untraceable_guns untraceable_firearm silencer suppressor
                c4 tnt detonator detonators""",
            )
        ],
        FICTION
        + PROTECTION
        + """bath_bomb* seed_bomb* fat_bomb* cocoa_bomb* chocolate_bomb* glitter_bomb* fork_bomb
        zip_bomb yarn_bomb* cherry_bomb tea_bomb* logic_bomb defus* disposal shelter nerf vaccine*
        muffler exhaust bomb_cyclone calorimeter ideas""",
    ),
    rule(
        "violence",
        [
            request(
                """kill killing murder murdering poison poisoning strangle stab assassinate shoot
                torture kidnap kidnapping abduct drown suffocate beat_up attack seriously_hurt""",
                PERSONS,
                signals="""kill killing murder murdering poison poisoning strangle stab assassinate
                shoot torture kidnap kidnapping abduct drown suffocate beat attack hurt""",
                near=2,
            ),
            request("hide dispose_of get_rid_of dissolve", "body corpse", near=3),
            request(
                "commit carry_out do plan get_away_with",
                """mass_shooting school_shooting massacre bombing terror_attack terrorist_attack
                genocide mass_murder murder murdering killing""",
                near=2,
            ),
            request("hire find", "hitman assassin contract_killer", near=2),
        ],
        FICTION
        + PROTECTION
        + """process* thread threads task tasks server servers job jobs pid daemon photo* camera
        lens portrait* video videos wedding dslr aperture basketball hoops penalty email e-mail sms
        text text_message cpr feelings self-defense self-defence self_defense weed* mosquito* time
        vibe mood podcast body_fat body_odor body_language body_hair body_heat student_body
        kill_off heart_attack panic_attack asthma_attack paintball laser_tag nerf show""",
    ),
    rule(
        "self-harm",
        [
            request(
                WANTING
                + """painless_way painless_ways fastest_way surest_way best_method effective_way
                how_many how_much write""",
                """kill_myself killing_myself commit_suicide committing_suicide suicide_note suicide
                end_my_life end_my_own_life ending_my_life hang_myself fatal_dose lethal_dose
                lethal_overdose fatal_overdose overdose cut_myself cutting_myself hurt_myself
                starve_myself hide_my_cuts hide_my_self-harm die_painlessly die_quickly
                die_without_pain purge become_anorexic stay_anorexic""",
                signals="myself suicide life dose overdose die cuts self-harm purge anorexic note",
                near=8,
                anywhere=True,
            )
        ],
        PROTECTION
        + FICTION
        + """shaving shave knife cooking kitchen chopping squad without_hurting without_cutting
        not_to keep_from instead_of accident accidentally friend someone_else pet dog cat workout
        laughing exercise""",
    ),
    rule(
        "drugs",
        [
            request(
                MAKING + " smuggle sell deal dealing buy slip",
                """meth crystal_meth methamphetamine cocaine heroin fentanyl lsd mdma ecstasy ghb
                pcp dmt opium date_rape_drug rohypnol roofies""",
            )
        ],
        FICTION
        + PROTECTION
        + """quit rehab* recover* addict* effects documentary breaking_bad hospital patient*
        anesthe* policy""",
    ),
    rule(
        "hacking",
        [
            request(
                "write create make making build code develop program deploy spread send design me",
                """malware ransomware keylogger keyloggers computer_virus trojan botnet rootkit
                spyware phishing ddos password_stealer credential_stealer self-replicating_worm""",
            ),
            request(
                "hack hack_into hacking break_into get_into log_into",
                """account accounts phone email emails e-mail facebook instagram snapchat whatsapp
                wifi wi-fi bank computer laptop webcam database network icloud grades system""",
                signals="hack hacking into",
                near=3,
            ),
            request("ddos take_down", "website server site", near=3),
            request(
                "steal stealing crack guess",
                "password passwords credentials tokens bitcoin bitcoins crypto wallet",
                near=3,
                anywhere=True,
            ),
        ],
        PROTECTION
        + FICTION
        + """antivirus training simulat* how_does locked_out forgot* i_lost reset recover* biology
        quiz new_phone job career industry hash hashing strength design_interview""",
    ),
    rule(
        "fraud",
        [
            request(
                MAKING + " forge forging get buy sell use cash",
                """counterfeit counterfeits counterfeit_money counterfeit_bills fake_money
                fake_bills fake_banknotes fake_passport fake_passports fake_id fake_ids
                fake_driver's_license fake_drivers_license fake_prescription fake_prescriptions
                fake_diploma fake_degree fake_check fake_checks fake_cheque fake_invoice
                fake_invoices fake_vaccine_card fake_reviews""",
                signals="counterfeit counterfeits fake",
            ),
            request(
                "forge forging",
                "signature prescription check passport will",
                signals="forge forging",
                near=3,
            ),
            request("launder laundering", "money cash", signals="launder laundering", near=2),
            request(
                "steal stealing skim skimming clone cloning",
                """credit_card credit_cards identity identities car cars from_my_employer
                from_my_boss from_a_store from_the_store from_a_shop""",
                signals="steal stealing skim skimming clone cloning",
                near=2,
            ),
            request(
                "rob robbing",
                "bank store shop house person gas_station",
                signals="rob robbing",
                near=2,
            ),
            request(
                "scam scamming blackmail blackmailing extort",
                "old_people elderly seniors customers boss coworker " + PERSONS,
                signals="scam scamming blackmail blackmailing extort",
                near=2,
            ),
            request("commit committing get_away_with", "fraud", near=2),
            request("evade evading", "tax taxes", signals="evade evading", near=2),
            request("shoplift hotwire embezzle", "from a the without", signals="shoplift hotwire"),
            request("run start set_up", "ponzi", near=2),
        ],
        FICTION
        + PROTECTION
        + """fake_plant* fake_news fake_fur fake_smile what_does happens penalt* consequences show
        third_base second_base how_do_banks how_do_police how_do_shops test_data unit_test* mock""",
    ),
    rule(
        "stalking",
        [
            request(
                """track stalk spy_on monitor follow bug record film secretly_track secretly_record
                secretly_follow secretly_film secretly_read read""",
                """without_her_knowing without_him_knowing without_them_knowing
                without_their_knowing without_being_noticed without_her_knowledge
                without_their_knowledge without_his_knowledge secretly hidden_camera""",
                signals="knowing noticed knowledge secretly camera",
                near=14,
            ),
            request("secretly", "track record follow film read spy", signals="secretly", near=2),
            request(
                "hide plant put",
                "tracker gps_tracker listening_device hidden_camera spyware",
            ),
        ],
        FICTION
        + PROTECTION
        + "birthday surprise package luggage bike dog cat wildlife birds bird bag keys",
    ),
    rule(
        "sexual content with minors",
        [
            request(CHILDREN, SEXUAL, near=6, anywhere=True),
            request(
                SEXUAL + " seduce seducing groom grooming",
                CHILDREN,
                signals=SEXUAL + " seduce seducing groom grooming",
                near=6,
                anywhere=True,
            ),
        ],
        PROTECTION
        + """education educate explain talk_to teach teaching puberty survivor* abuse bath
        orientation transmitted hair dog pony horse assault trafficking counsel* health advice_for
        parents question""",
    ),
    rule(
        "hatred",
        [
            request(
                "write create make generate give_me tell_me compose design post",
                """hateful racist antisemitic anti-semitic homophobic islamophobic sexist
                white_supremacist neo-nazi nazi_propaganda isis_propaganda""",
                near=3,
            ),
            request(
                "argue explain_why write prove",
                """jews_are muslims_are immigrants_are black_people_are blacks_are gay_people_are
                gays_are women_are mexicans_are refugees_are inferior_race""",
                signals="""jews muslims immigrants black blacks gay gays women mexicans refugees
                inferior""",
            ),
            request(
                "join recruit recruiting recruits praise donate_to fundraise_for praising",
                """isis al-qaeda al_qaeda terrorist_group terrorist_cell terrorist_organization
                the_kkk neo-nazis neo_nazis""",
                signals="isis al-qaeda qaeda terrorist kkk neo-nazis nazis",
            ),
        ],
        PROTECTION
        + """counter* debunk* respond* classif* moderat* myth wrong refut* overcome underrepresented
        paid_less important""",
    ),
)
SIGNALS = frozenset().union(*(one.signals for rule in RULES for one in rule.requests))
