# ruff: noqa: E501 (one item a line reads better)
"""Short news items written for the tests (no real texts), judged by the codebook.

They were written apart from those the model learns from (``classifiers/exemplars``). English items:
one for each side of each label, and news a reader would not want labelled.
"""

SAT, TCF, EDM, ROF, RC = (
    "screening_at_speed",
    "trusted_cyber_future",
    "enabling_the_decision_maker",
    "responder_of_the_future",
    "resilient_communities",
)
AVI, BIO, BOR, CT, CY, EM, TF = (
    "aviation_security",
    "biosecurity",
    "border_security",
    "counterterrorism",
    "cybersecurity",
    "emergency_management_resilience",
    "technology_foresight",
)
CI, UAS, CBD = (
    "critical_infrastructure",
    "unmanned_aerial_systems",
    "chemical_biological_deterrence",
)

ENGLISH: list[tuple[str, str, set[str]]] = [
    (
        "New CT baggage scanner cuts queues at Rotterdam",
        "The scanner finds liquid explosives in hand luggage without unpacking. Passenger screening lanes move twice as fast in the trial.",
        {SAT, AVI},
    ),
    (
        "Sniffer chip spots explosives in seconds",
        "Researchers in Haifa built a sensor for trace detection of explosives on parcels and bags at a security checkpoint.",
        {SAT, CT},
    ),
    (
        "Port of Busan tests muon imaging for containers",
        "Cargo inspection by muon tomography reveals smuggled nuclear material without opening the box.",
        {SAT, BOR, CBD},
    ),
    (
        "Hospital group recovers from ransomware",
        "The cyberattack shut down patient records in four cities. The national cyber centre published the indicators of the malware.",
        {TCF, CY, CI},
    ),
    (
        "Ministry picks post-quantum algorithms for its networks",
        "Post-quantum cryptography will replace older signatures in government devices by 2030.",
        {TCF, CY},
    ),
    (
        "Students find flaw in smart locks",
        "The software vulnerability lets an attacker open doors from the street. The maker has issued a patch.",
        {TCF, CY},
    ),
    (
        "Crisis centre gets shared map for floods",
        "The tool gives a common operating picture to ministers and mayors, with flood forecasting six hours ahead.",
        {EDM, RC, EM},
    ),
    (
        "Model foresees where conflict will flare",
        "Conflict forecasting from news and satellite images is to give early warning to the foreign office's crisis management staff.",
        {EDM},
    ),
    (
        "Smart jacket warns firefighters of heat stress",
        "Sensors in the protective clothing follow heart rate and tell the incident commander when to pull a crew out.",
        {ROF},
    ),
    (
        "Snake robot goes where rescuers cannot",
        "The rescue robot crawled through rubble in a search and rescue exercise near Sendai.",
        {ROF, EM},
    ),
    (
        "Police and ambulances share new radio network",
        "The public safety network gives first responders priority when mobile masts are overloaded.",
        {ROF},
    ),
    (
        "Towns along the river get earlier flood warning",
        "A new early warning system sends alerts two hours sooner; evacuation routes were tested in May.",
        {RC, EM},
    ),
    (
        "Wildfire season: Spain maps risk street by street",
        "The wildfire model helps civil protection plan evacuation of villages.",
        {RC, EM},
    ),
    (
        "Earthquake early warning reaches every phone",
        "The natural hazard agency says community resilience depends on seconds.",
        {RC, EM},
    ),
    (
        "Drones close airport for six hours",
        "Airport security staff saw drones near airports three times this month; drone detection radar has been ordered.",
        {AVI, UAS},
    ),
    (
        "Avian influenza found in wild swans",
        "Disease surveillance teams test farms; biosecurity measures on poultry farms were raised.",
        {BIO},
    ),
    (
        "Wastewater tells of outbreak before clinics do",
        "Wastewater surveillance found the virus ten days early, a step for pandemic preparedness.",
        {BIO},
    ),
    (
        "Coast guard uses satellites to find dark vessels",
        "Maritime surveillance software flags ships that switch off transponders; smuggling and illegal fishing are the targets.",
        {BOR},
    ),
    (
        "Passport gates learn to spot morphed photos",
        "Border control officers test software that compares the travel document with a live face.",
        {BOR, SAT},
    ),
    (
        "Study follows how young men are drawn into violent extremism",
        "Radicalisation online took weeks, not years. The terrorism researchers read 40,000 posts.",
        {CT},
    ),
    (
        "Bollards that stop a lorry",
        "Engineers tested protection of crowded places against a vehicle-ramming attack.",
        {CT},
    ),
    (
        "Which fields will matter in 2040?",
        "The academy's horizon scanning exercise lists emerging technologies by bibliometric growth and a Delphi study.",
        {TF},
    ),
    (
        "Undersea cable cut: islands offline for a day",
        "Operators of critical infrastructure ask for a spare submarine cable and faster repair.",
        {CI, RC},
    ),
    (
        "Storm leaves 300,000 without light",
        "The power outage lasted two days. Grid resilience and cascading failure are under study.",
        {CI, RC, EM},
    ),
    (
        "Swarm of drones plants trees",
        "A drone swarm of forty quadcopters flew without a pilot over the burnt hills.",
        {UAS},
    ),
    (
        "Pocket detector finds nerve agent",
        "The chemical agent detection kit tells a nerve agent from pesticide; made for CBRN teams.",
        {CBD, ROF},
    ),
    (
        "United win derby after late attack",
        "The striker exploded into life in the last minutes and bombed down the wing. The keeper was under fire all night.",
        set(),
    ),
    (
        "Council passes budget with cuts to libraries",
        "The plan protects schools and parks. Opponents spoke of a disaster for culture.",
        set(),
    ),
    (
        "Police arrest two after pub fight",
        "Officers were called to the high street on Saturday. Both men were released on bail.",
        set(),
    ),
    (
        "Museum shows drawings by young painters",
        "Visitors flooded in on the first day; queues reached the border of the park.",
        set(),
    ),
    (
        "Bank shares slide as rates rise",
        "Investors fear contagion. The risk of recession grows, economists say.",
        set(),
    ),
    (
        "New battery doubles range of electric cars",
        "The cell charges in ten minutes and uses no cobalt, the company says.",
        set(),
    ),
    (
        "Telescope sees the oldest galaxy",
        "The light left it 13 billion years ago. Astronomers measured its mass.",
        set(),
    ),
    (
        "City marathon draws record crowd",
        "Runners crossed the bridge at noon. Traffic was diverted until evening.",
        set(),
    ),
]

# language, title, text, labels
FOREIGN: list[tuple[str, str, str, set[str]]] = [
    (
        "fr",
        "La détection d’explosifs progresse dans les aéroports",
        "Un nouveau scanner de bagages réduit l'attente. Le contrôle des passagers est plus rapide.",
        {SAT, AVI},
    ),
    (
        "fr",
        "Une cyberattaque paralyse un hôpital",
        "Le rançongiciel a chiffré les dossiers des patients.",
        {TCF, CY, CI},
    ),
    (
        "de",
        "Sprengstoffdetektion mit Terahertz-Bildgebung",
        "Die Gepäckkontrolle am Flughafen wird schneller.",
        {SAT, AVI},
    ),
    (
        "de",
        "Neues Hochwasserwarnsystem für die Ahr",
        "Der Katastrophenschutz übt die Evakuierung der Dörfer.",
        {RC, EM},
    ),
    (
        "de",
        "Drohnenabwehrsysteme im Test",
        "Fachleute prüfen, wie eine Drohne sicher abgefangen wird.",
        {UAS},
    ),
    (
        "es",
        "Detección de brotes en aguas residuales",
        "La vigilancia epidemiológica avisa de la gripe aviar.",
        {BIO},
    ),
    (
        "es",
        "Robots de rescate para los bomberos",
        "Los equipos de rescate los probaron en un túnel.",
        {ROF},
    ),
    (
        "ko",
        "공항 폭발물 탐지 기술 개발",
        "새로운 수하물 검색 장비가 보안 검색 시간을 줄인다.",
        {SAT, AVI},
    ),
    ("ko", "병원에 랜섬웨어 공격", "사이버 공격으로 진료 기록이 암호화되었다.", {TCF, CY, CI}),
    ("ko", "화학 작용제를 찾는 센서", "연구진은 신경작용제를 몇 초 만에 식별했다.", {CBD}),
    ("he", "פיתוח חדש לגילוי חומרי נפץ", "המערכת משלבת בידוק נוסעים ושיקוף כבודה.", {SAT, AVI}),
    (
        "he",
        "מתקפת סייבר על חברת מים",
        "האקרים הפעילו נוזקה במערכות בקרה תעשייתיות, פגיעה בתשתיות קריטיות.",
        {TCF, CY, CI},
    ),
    (
        "nl",
        "Explosievendetectie met nieuwe sensor",
        "De bagagescanners op de luchthaven worden sneller.",
        {SAT, AVI},
    ),
    (
        "nl",
        "Kustwacht zoekt smokkelaars met radar",
        "Maritiem toezicht en grensbewaking worden samengevoegd.",
        {BOR},
    ),
    (
        "sv",
        "Drönarsvärmar söker efter skogsbränder",
        "Räddningstjänsten använder drönare vid översvämningar.",
        {UAS, RC, EM},
    ),
    (
        "sv",
        "Cyberattackerna mot elnätet ökar",
        "Samhällsviktig verksamhet stod stilla under elavbrottet.",
        {TCF, CY, CI},
    ),
    ("ja", "津波警報を早める新システム", "防災担当者は避難誘導の時間を得る。", {RC, EM}),
    (
        "ja",
        "空港でドローン検知の実験",
        "空港周辺のドローンを無人機対策レーダーで探知する。",
        {AVI, UAS},
    ),
    # nothing to label
    (
        "fr",
        "Le club remporte la coupe",
        "L'attaquant a marqué deux buts et la défense a tenu.",
        set(),
    ),
    (
        "de",
        "Stadtrat beschließt Haushalt",
        "Bibliotheken und Schulen erhalten weniger Geld.",
        set(),
    ),
    ("es", "El equipo gana la liga", "El delantero marcó tres goles ante su público.", set()),
    ("ko", "시의회 예산안 통과", "도서관과 공원 예산이 늘어난다.", set()),
    ("he", "הקבוצה ניצחה בגמר הגביע", "החלוץ הבקיע שני שערים בדקה האחרונה.", set()),
    (
        "nl",
        "Gemeente stelt begroting vast",
        "De bibliotheek blijft open en het zwembad sluit.",
        set(),
    ),
    ("sv", "Laget vann finalen", "Anfallaren gjorde två mål inför fullsatta läktare.", set()),
    ("ja", "市議会が予算を可決", "図書館と公園の予算が増える。", set()),
]
